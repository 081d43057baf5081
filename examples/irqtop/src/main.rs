//! `irqtop` shows what the interrupts of a driver do, second by second.
//!
//! The driver is a running program that publishes its statistics (`Export::publish`); `--connect` names its socket. Without
//! it, `irqtop` shows a machine of its own: five simulated devices, each with its own habits, that interrupt all the time.
//! The table has the rates of the last second, and the totals and times since the start.
//!
//! ```text
//! cargo run --release -p irqtop                     # a simulated machine
//! cargo install --path examples/irqtop
//! irqtop --connect /run/driver.sock                 # a running driver
//! irqtop --publish /tmp/machine.sock                # a simulated machine that publishes, to try --connect
//! ```
//!
//! In a terminal it draws a table that fits the window, on the alternate screen. `q` and ctrl-c end it, ctrl-z suspends
//! it; the terminal is restored. In a file, in a pipe and with `TERM=dumb` it prints plain lines. With `NO_COLOR` the
//! table has no colors. `--seconds N` ends it by itself.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | it was ended, or its time was over |
//! | 1 | something failed while it ran: the driver ended, or standard output takes no more (a closed pipe, a full disk) |
//! | 2 | the command line is wrong, nobody publishes at that socket, or the simulated devices can't be set up |
//!
//! A failure is told in one sentence on standard error.

mod arguments;
#[path = "../../support/failure.rs"]
mod failure;
#[cfg(target_os = "linux")]
mod full_screen;
mod look;
mod machine;
mod plain;
#[path = "../../support/program.rs"]
mod program;
mod sample;
#[cfg_attr(not(target_os = "linux"), path = "no_socket.rs")]
mod socket;
mod text;

use std::process::ExitCode;

use arguments::Arguments;
use failure::Failure;
use look::Looked;

fn main() -> ExitCode {
    program::main("irqtop", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(Arguments { seconds, target }) = Arguments::parse(words)? else {
        return program::print(format_args!("{}\n", arguments::USAGE));
    };
    let seconds = seconds.unwrap_or(u32::MAX);
    #[cfg(target_os = "linux")]
    if full_screen::is_possible() {
        return full_screen::run(target, seconds);
    }
    let looked = Looked::begin(target)?;
    plain::show(&looked, seconds)?;
    looked.end()
}
