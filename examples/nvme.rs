//! Drives an NVMe controller through VFIO: an admin queue and two pairs of I/O queues, each with a message vector of its
//! own, behind one lock or three.
//!
//! It writes blocks through one pair of queues, reads them through the other, and compares every byte. **What is on the
//! device is overwritten.**

#[path = "nvme/arguments.rs"]
mod arguments;
#[path = "nvme/command.rs"]
mod command;
#[path = "nvme/controller.rs"]
mod controller;
#[path = "nvme/driver.rs"]
mod driver;
#[path = "nvme/exercise.rs"]
mod exercise;
#[path = "nvme/failure.rs"]
mod failure;
#[path = "nvme/interrupts.rs"]
mod interrupts;
#[path = "nvme/queue.rs"]
mod queue;

use std::process::ExitCode;

use arguments::Arguments;
use driver::Nvme;
use failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("nvme: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run() -> Result<(), Failure> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        println!("{}", arguments::USAGE);
        return Ok(());
    };
    let mut nvme = Nvme::open(&arguments.address, arguments.locks, arguments.depth)?;
    println!("device    {} ({})", arguments.address, nvme.account());
    exercise::run(&mut nvme, arguments.blocks, arguments.depth)?;
    println!("blocks    {} of {} bytes, all contents right", arguments.blocks, driver::BLOCK);
    print!("{}", nvme.finish()?);
    Ok(())
}
