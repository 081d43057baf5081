//! GPIO lines of a chip that the kernel simulates (`gpio-sim`).

mod edges;
mod mistakes;
#[cfg(refused_calls)]
mod refused;
mod sim;

use crate::account::Failure;
use crate::suite;

/// Runs what is named, on the chip that the scenario has made.
pub fn run(what: &str) -> Result<String, Failure> {
    match what {
        "suite" => suite::run_all(sim::Line),
        "edges" => edges::all_served(),
        "overflow" => edges::overflow(),
        "cycles" => edges::cycles(),
        "debounce" => edges::debounce(),
        "mistakes" => mistakes::run(),
        #[cfg(refused_calls)]
        "refused" => refused::run(),
        _ => Err(Failure::usage(crate::USAGE.into())),
    }
}
