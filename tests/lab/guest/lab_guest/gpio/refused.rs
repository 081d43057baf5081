//! Every call of the system that an interrupt on a GPIO line needs, refused at every place and with every number (rule I19).

use interrupt_lock::Error;
use support::campaign::{Campaign, Unit, unit};

use super::sim::{Chip, LINE};
use crate::account::Failure;

pub fn run() -> Result<String, Failure> {
    let chip = Chip::get().map_err(Failure::Device)?;
    let build = || line(&chip).map(|unit| vec![unit]);
    let lives = Campaign { build: &build }.run();
    Ok(format!("{lives} lives, each with a call refused"))
}

fn line(chip: &Chip) -> Result<Unit, Error> {
    let driver = chip.driver(LINE);
    driver.set(false);
    let (source, lines) = chip.request().line_named("BUTTON").rising().open()?;
    let edges = move |_| std::iter::from_fn(|| lines.next_event()).count() as u64;
    unit("gpio", source, move || driver.pulse(), edges, None)
}
