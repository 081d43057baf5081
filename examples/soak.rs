//! `soak` builds random machines of every kind of interrupt, lets threads do everything to them at once, and checks
//! exact accounts at each quiet moment. For those who have changed the crate, or doubt it on their machine.
//!
//! ```text
//! cargo run --release --example soak -- --seconds 60
//! ```
//!
//! Every machine has a seed of its own, and its name contains it. `--seed` with that number builds the same machine
//! first. The threads' schedule is the system's, so a failure may need several tries.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | every account was right; the totals are on standard output |
//! | 1 | an account is wrong: the seed, the machine and its accounts are on standard error. Or writing failed |
//! | 2 | a thread did not move for 20 seconds: every thread's last step is on standard error. Or wrong arguments |
//!
//! | file | holds |
//! |---|---|
//! | `machine` | a random machine: its interrupts, locks, dispatchers, lines and device |
//! | `kind` | what is decided about each interrupt |
//! | `signal` | the devices that interrupt |
//! | `unit` | one interrupt: how it is built |
//! | `callbacks` | what its ISR, work item and other callbacks do |
//! | `closures` | the closures that run under its lock |
//! | `bomb` | destructors that panic |
//! | `circle` | two locks at once |
//! | `removal` | devices that go away |
//! | `object` | interrupts with and without a work item, as one type |
//! | `chaos` | what the threads do in a round |
//! | `quiet` | the quiet moment after a round |
//! | `line` | the shared line without one of its members |
//! | `ledger` | the accounts of one interrupt |
//! | `verdict` | what happens if an account is wrong; intended panics |
//! | `watch` | each thread's last step, and the watchdog |
//! | `process` | the threads and descriptors of this process |

#[path = "soak/arguments.rs"]
mod arguments;
#[path = "soak/bomb.rs"]
mod bomb;
#[path = "soak/callbacks.rs"]
mod callbacks;
#[path = "soak/chaos.rs"]
mod chaos;
#[path = "soak/circle.rs"]
mod circle;
#[path = "soak/closures.rs"]
mod closures;
#[path = "support/failure.rs"]
mod failure;
#[path = "soak/kind.rs"]
mod kind;
#[path = "soak/ledger.rs"]
mod ledger;
#[path = "soak/line.rs"]
mod line;
#[path = "soak/machine.rs"]
mod machine;
#[path = "soak/object.rs"]
mod object;
#[path = "soak/process.rs"]
mod process;
#[path = "support/program.rs"]
mod program;
#[path = "soak/quiet.rs"]
mod quiet;
#[path = "soak/random.rs"]
mod random;
#[path = "soak/removal.rs"]
mod removal;
#[path = "soak/signal.rs"]
mod signal;
#[path = "soak/totals.rs"]
mod totals;
#[path = "soak/unit.rs"]
mod unit;
#[path = "soak/verdict.rs"]
mod verdict;
#[path = "soak/watch.rs"]
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::Arguments;
use failure::Failure;
use machine::Machine;
use process::Resources;

fn main() -> ExitCode {
    program::main("soak", run)
}

fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(Arguments { seconds, seed }) = Arguments::parse(words)? else {
        return program::print(format_args!("{}\n", arguments::USAGE));
    };
    program::print(format_args!("seed {seed}\n"))?;
    verdict::silence_intended_panics();
    watch::begin("main");
    watch::start_watchdog().map_err(Failure::of_the_device)?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let base = Resources::now();
    for number in 0.. {
        if Instant::now() >= end {
            break;
        }
        one_machine(seed.wrapping_add(number)).map_err(Failure::of_the_run)?;
        base.wait_until_back();
    }
    program::print(format_args!("{}\n", totals::text()))
}

/// Builds the machine of this seed, and lets it live for some rounds.
fn one_machine(seed: u64) -> Result<(), interrupt_lock::Error> {
    let machine = Machine::new(seed)?;
    watch::name_machine(machine.name());
    for _ in 0..machine.rounds() {
        chaos::round(&machine);
        quiet::check(&machine)?;
    }
    quiet::take_down(machine);
    totals::MACHINES.one();
    Ok(())
}
