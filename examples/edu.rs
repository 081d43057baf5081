//! `edu` asks QEMU's `edu` device for factorials, and checks every result.
//!
//! It shows a driver with an ISR, a work item, an enable callback and a disable callback. The driver is in
//! `edu/driver.rs`; it is the same for every kind of device. At the end the program prints how many interrupts came,
//! and how long a request took.
//!
//! Without arguments it runs on a simulated device, on any machine and without privileges:
//!
//! ```text
//! cargo run --release --example edu
//! ```
//!
//! `--help` says how to run it on a real device, through UIO or VFIO.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | every result was right |
//! | 1 | something failed while it ran, such as writing to standard output (a closed pipe, a full disk) |
//! | 2 | the command line is wrong, or the device can't be driven |
//!
//! A failure is told in one sentence on standard error.

#[path = "edu/account.rs"]
mod account;
#[path = "edu/arguments.rs"]
mod arguments;
#[path = "edu/driver.rs"]
mod driver;
#[path = "edu/open.rs"]
mod open;
#[path = "support/program.rs"]
mod program;

use std::process::ExitCode;

use account::{Account, Failure};
use arguments::Arguments;

fn main() -> ExitCode {
    program::main("edu", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(arguments) = Arguments::parse(words)? else {
        return program::print(format_args!("{}\n", arguments::USAGE));
    };
    let edu = open::open(&arguments.device)?;
    let mut account = Account::new(arguments.device.to_string());
    account.run(&edu, arguments.requests)?;
    edu.interrupt().disable().map_err(Failure::of_the_run)?;
    program::print(account.with(edu.interrupt().stats()))
}
