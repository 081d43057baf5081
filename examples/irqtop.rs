//! `irqtop` shows what the interrupts of a simulated machine do, second by second.
//!
//! It shows how a program reads an interrupt's statistics: the rates of the last second, beside the totals and the ISR
//! times since the start. Five simulated devices, each with its own habits, interrupt all the time.
//!
//! ```text
//! cargo run --release --example irqtop
//! ```
//!
//! In a terminal it draws a table that fits the window, on the alternate screen. `q` and ctrl-c end it, ctrl-z suspends
//! it; the terminal is restored. In a file, in a pipe and with `TERM=dumb` it prints plain lines. With `NO_COLOR` the
//! table has no colors. `--seconds N` ends it by itself.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | it was ended, or its time was over |
//! | 1 | something failed while it ran, such as writing to standard output (a closed pipe, a full disk) |
//! | 2 | the command line is wrong, or the devices can't be set up |
//!
//! A failure is told in one sentence on standard error.

#[path = "irqtop/arguments.rs"]
mod arguments;
#[path = "support/failure.rs"]
mod failure;
#[cfg(target_os = "linux")]
#[path = "irqtop/full_screen.rs"]
mod full_screen;
#[path = "irqtop/machine.rs"]
mod machine;
#[path = "irqtop/plain.rs"]
mod plain;
#[path = "support/program.rs"]
mod program;
#[path = "irqtop/sample.rs"]
mod sample;

use std::process::ExitCode;

use arguments::Arguments;
use failure::Failure;
use machine::Machine;

fn main() -> ExitCode {
    program::main("irqtop", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(Arguments { seconds }) = Arguments::parse(words)? else {
        return program::print(format_args!("{}\n", arguments::USAGE));
    };
    let seconds = seconds.unwrap_or(u32::MAX);
    #[cfg(target_os = "linux")]
    if full_screen::is_possible() {
        return full_screen::run(seconds);
    }
    let machine = Machine::start()?;
    plain::show(&machine, seconds)?;
    machine.stop()
}
