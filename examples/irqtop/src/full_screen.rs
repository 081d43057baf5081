//! A table that fills the terminal and is drawn anew each second, until the user quits.

mod events;
mod screen;
mod signals;
mod table;

use std::io::{IsTerminal, stdout};
use std::time::{Duration, Instant};

use events::{Event, Events};
use screen::Screen;
use table::Table;

use crate::Failure;
use crate::arguments::Target;
use crate::look::Looked;
use crate::sample::Sampler;

const SECOND: Duration = Duration::from_secs(1);

/// Whether standard output is a terminal that can place text. (Without `TERM` nothing is known of it.)
pub fn is_possible() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    stdout().is_terminal() && !term.is_empty() && term != "dumb"
}

pub fn run(target: Target, seconds: u32) -> Result<(), Failure> {
    // First, because a machine's threads inherit the signal mask: they are to leave the signals to this thread.
    let events = Events::new()?;
    let looked = Looked::begin(target)?;
    let screen = Screen::new()?;
    show(&screen, &events, &looked, seconds)?;
    drop(screen);
    looked.end()
}

fn show(screen: &Screen, events: &Events, looked: &Looked, mut seconds: u32) -> Result<(), Failure> {
    let mut table = Table::new();
    let mut sampler = Sampler::new(looked)?;
    let mut due = Instant::now() + SECOND;
    screen.draw(&table)?;
    while seconds > 0 {
        match events.wait_until(due)? {
            Event::Due => {
                table.rows = sampler.sample(looked)?;
                due = Instant::now() + SECOND;
                seconds -= 1;
            }
            Event::Resized => {}
            Event::Suspend => {
                screen.leave();
                signals::stop_this_process()?;
                continue; // the next event is `Continued`, or `Quit`
            }
            Event::Continued => {
                screen.enter()?;
                // The time that the program was stopped is no second.
                sampler = Sampler::new(looked)?;
                due = Instant::now() + SECOND;
            }
            Event::Quit => break,
        }
        screen.draw(&table)?;
    }
    Ok(())
}
