//! The time for which the process was stopped accuses no callback (rule I17). In a process of its own, because it stops
//! the process.

use std::process::{Command, id};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt};
use support::alone::in_a_process_of_its_own;
use support::slot::OnDrop;
use support::{Gate, until, watchdog};

const LIMIT: Duration = Duration::from_secs(2);

/// The ISR needs a tenth of its limit, and the process is stopped for twice the limit meanwhile.
// Caught: a limit that is compared with the clock alone.
#[test]
fn i17_a_stopped_process_accuses_nobody() {
    in_a_process_of_its_own(|| {
        // On a busy machine an attempt may need too long itself. Then it shows nothing.
        watchdog(|| while !is_accused_only_of_its_own_time() {});
    });
}

/// Returns `false` if the process has run for more than half of the limit, beside the stop.
fn is_accused_only_of_its_own_time() -> bool {
    let (source, edge) = Software::edge();
    let (inside, go) = (Gate::new(), Gate::new());
    let isr = (inside.clone(), go.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            isr.0.open();
            isr.1.wait();
            Claim::Claimed
        })
        .source(source)
        .overdue_after(LIMIT)
        .build()
        .unwrap();
    let _go = OnDrop(|| go.open());
    interrupt.enable().unwrap();
    let began = Instant::now();
    edge.assert();
    inside.wait();
    let script = format!("kill -STOP {0}; sleep {1}; kill -CONT {0}", id(), 2 * LIMIT.as_secs());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    thread::sleep(LIMIT / 10);
    let accused = (interrupt.overdue(), interrupt.stats().overdue);
    if began.elapsed() > 2 * LIMIT + LIMIT / 2 {
        return false;
    }
    assert_eq!(accused, (None, 0));
    // What it takes while the process runs counts.
    until(|| interrupt.stats().overdue == 1);
    go.open();
    until(|| interrupt.stats().claimed == 1);
    true
}
