//! Drives QEMU's `edu` device: asks it for factorials and checks every answer.
//!
//! Without arguments it runs on a simulated device, anywhere. The driver itself is in `edu/driver.rs`; it is the same
//! for every device.

#[path = "edu/account.rs"]
mod account;
#[path = "edu/arguments.rs"]
mod arguments;
#[path = "edu/driver.rs"]
mod driver;
#[path = "edu/open.rs"]
mod open;

use std::process::ExitCode;

use account::{Account, Failure};
use arguments::Arguments;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("edu: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run() -> Result<(), Failure> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        println!("{}", arguments::USAGE);
        return Ok(());
    };
    let edu = open::open(&arguments.device)?;
    let mut account = Account::new(arguments.device.to_string());
    account.run(&edu, arguments.requests)?;
    edu.interrupt().disable().map_err(Failure::of_the_run)?;
    print!("{}", account.with(edu.interrupt().stats()));
    Ok(())
}
