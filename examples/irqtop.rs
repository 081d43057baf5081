//! Shows, second by second, what the interrupts of a simulated machine do: rates, ISR times, spurious counts.
//!
//! In a terminal it redraws a table until `q` or ctrl-c; elsewhere it prints plain lines. `--seconds N` ends it by itself.

#[path = "irqtop/arguments.rs"]
mod arguments;
#[path = "irqtop/keys.rs"]
mod keys;
#[path = "irqtop/machine.rs"]
mod machine;
#[path = "irqtop/view.rs"]
mod view;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::Arguments;
use keys::Keys;
use machine::Machine;
use view::View;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("irqtop: {why}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("irqtop: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let machine = Machine::start()?;
    let keys = Keys::new();
    let mut view = View::new(&machine);
    let started = Instant::now();
    for second in 1_u32.. {
        let due = Duration::from_secs(second.into());
        if keys.quit_before(due.saturating_sub(started.elapsed())) {
            break;
        }
        let seen = view.look(&machine);
        let mut out = io::stdout().lock();
        let written = if out.is_terminal() {
            write!(out, "\x1b[H\x1b[2J{}", seen.table(keys.are_read()))
        } else {
            write!(out, "{}", seen.lines())
        };
        match written.and_then(|()| out.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
        if arguments.seconds.is_some_and(|seconds| second >= seconds) {
            break;
        }
    }
    machine.stop()?;
    Ok(())
}
