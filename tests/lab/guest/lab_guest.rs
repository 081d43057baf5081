//! The lab's own program, run in the guest on a real `edu` device: the suite that every source passes, and the
//! example's driver under disable and enable cycles. What it prints last are its figures.

#[path = "../../../examples/edu/account.rs"]
mod account;
#[allow(dead_code, reason = "the example's usage, and its number of requests")]
#[path = "../../../examples/edu/arguments.rs"]
mod arguments;
#[path = "lab_guest/cycles.rs"]
mod cycles;
#[path = "../../../examples/edu/driver.rs"]
mod driver;
#[path = "../../../examples/edu/open.rs"]
mod open;
#[path = "lab_guest/rig.rs"]
mod rig;
#[macro_use]
#[path = "../../support/source_suite.rs"]
mod source_suite;
#[path = "lab_guest/suite.rs"]
mod suite;
#[path = "lab_guest/unheard.rs"]
mod unheard;

use std::process::ExitCode;

use account::Failure;
use arguments::Arguments;

const USAGE: &str = "usage: lab_guest (suite | cycles | unheard) (--uio DEVICE | --vfio ADDRESS [--msi])";

fn main() -> ExitCode {
    match run() {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("lab_guest: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run() -> Result<String, Failure> {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let device = match Arguments::parse(words)? {
        Some(arguments) => arguments.device,
        None => return Err(Failure::usage(USAGE.into())),
    };
    match what.as_str() {
        "suite" => suite::run(&device),
        "cycles" => cycles::run(&device),
        "unheard" => unheard::run(&device),
        _ => Err(Failure::usage(USAGE.into())),
    }
}
