//! `nvme` drives an NVMe controller through VFIO. **It overwrites what is on the device.**
//!
//! It shows a driver with several interrupts: an admin queue and two pairs of I/O queues, each with a message vector
//! of its own, behind one interrupt lock or three. With `--line` it shows one interrupt for all, which stays masked while
//! there is work. The program writes blocks through one pair of queues, reads them
//! through the other, and compares every byte. At the end it prints what each interrupt has done.
//!
//! It needs Linux on a 64-bit processor, and an NVMe controller that is bound to `vfio-pci`, behind an IOMMU. Without
//! arguments it says how to bind one. `tests/lab/run` boots an emulated machine that has one.
//!
//! ```text
//! cargo run --release --example nvme -- --vfio 0000:00:07.0 --overwrite
//! ```
//!
//! `--help` lists the options.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | every byte was right |
//! | 1 | something failed while it ran, such as writing to standard output (a closed pipe, a full disk) |
//! | 2 | the command line is wrong, or the device can't be driven |
//!
//! A failure is told in one sentence on standard error.

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
#[path = "support/failure.rs"]
mod failure;
#[path = "nvme/interrupts.rs"]
mod interrupts;
#[path = "nvme/namespace.rs"]
mod namespace;
#[path = "nvme/port.rs"]
mod port;
#[path = "support/program.rs"]
mod program;
#[path = "nvme/queue.rs"]
mod queue;
#[path = "nvme/report.rs"]
mod report;

use std::process::ExitCode;

use arguments::Arguments;
use driver::Nvme;
use failure::Failure;

fn main() -> ExitCode {
    program::main("nvme", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(arguments) = Arguments::parse(words)? else {
        return program::print(format_args!("{}\n", arguments::USAGE));
    };
    let mut nvme = Nvme::open(&arguments)?;
    program::print(format_args!("device    {} ({})\n", arguments.address, nvme.account()))?;
    exercise::run(&mut nvme, arguments.blocks, arguments.depth)?;
    let (blocks, size) = (arguments.blocks, driver::BLOCK);
    program::print(format_args!("blocks    {blocks} of {size} bytes, all contents right\n"))?;
    program::print(nvme.finish()?)
}
