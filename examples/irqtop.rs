//! `irqtop` shows what the interrupts of a simulated machine do, second by second.
//!
//! It shows how a program reads an interrupt's statistics: the rates of the last second, beside the totals and the ISR times
//! since the start. Five simulated devices, each with its own habits, interrupt all the time.
//!
//! ```text
//! cargo run --release --example irqtop
//! ```
//!
//! In a terminal it draws a table that fits the window, on the alternate screen, until `q` or ctrl-c; ctrl-z suspends it.
//! With `TERM=dumb`, in a file or in a pipe it prints plain lines. With `NO_COLOR` the table has no colors. `--seconds N`
//! ends it by itself. It ends with exit status 0. Otherwise it ends with one sentence on standard error, and exit status 2
//! (the command line, or devices that can't be set up) or 1 (something failed while it ran; standard output that can't be
//! written to, also a closed pipe, is such a failure).

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
