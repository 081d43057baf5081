//! How each of the programs reads its command line, prints, and ends.
//!
//! Nothing here panics. `println!` and `eprintln!` panic at a closed pipe and a full disk, `std::env::args` at an
//! argument that is not UTF-8.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::Failure;

/// Runs a program, given its arguments. A failure becomes one sentence on standard error, and the exit status.
///
/// A closed pipe is a failure like any other: the program has not delivered what it was asked for.
pub fn main(name: &str, run: impl FnOnce(std::vec::IntoIter<String>) -> Result<(), Failure>) -> ExitCode {
    match arguments().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If standard error can't be written to either, the exit status still tells.
            let _ = writeln!(io::stderr(), "{name}: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

fn arguments() -> Result<std::vec::IntoIter<String>, Failure> {
    let utf8 = |word: std::ffi::OsString| {
        word.into_string().map_err(|word| Failure::usage(format!("the argument {word:?} is not UTF-8")))
    };
    std::env::args_os().skip(1).map(utf8).collect::<Result<Vec<_>, _>>().map(Vec::into_iter)
}

/// Prints text as it is, without adding the end of a line, and waits until standard output has taken it.
pub fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let printed = write!(out, "{text}").and_then(|()| out.flush());
    printed.map_err(|error| Failure::of_the_run(format_args!("can't write to standard output: {error}")))
}
