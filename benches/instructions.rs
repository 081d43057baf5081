//! The measures whose instructions `.ci/instructions` counts.
//!
//! `instructions MEASURE ROUNDS` runs one measure ROUNDS times and does nothing else. Without arguments (`cargo bench`)
//! it runs each measure ten times, to show that it works.

use std::hint::black_box;

use interrupt_lock::{Claim, Interrupt, Stats, WithWorkItem};

type Measured = Interrupt<u64, WithWorkItem>;

struct Measure {
    name: &'static str,
    run: fn(u64, &Measured),
    /// The counter that must be equal to the number of rounds afterwards.
    count: Option<fn(&Stats) -> u64>,
}

const MEASURES: [Measure; 5] = [
    Measure { name: "lock", run: lock, count: None },
    Measure { name: "service", run: service, count: Some(|stats| stats.claimed) },
    Measure { name: "queue_again", run: queue_again, count: Some(|stats| stats.work_merged) },
    Measure { name: "queue_and_run", run: queue_and_run, count: Some(|stats| stats.work_run) },
    Measure { name: "canary", run: canary, count: None },
];

/// An uncontended acquire and release.
#[inline(never)]
fn lock(rounds: u64, interrupt: &Measured) {
    for _ in 0..rounds {
        drop(black_box(interrupt).acquire_interrupt_lock());
    }
}

/// A delivery's own cost: an empty ISR, no source, no thread.
#[inline(never)]
fn service(rounds: u64, interrupt: &Measured) {
    for _ in 0..rounds {
        black_box(black_box(interrupt).service());
    }
}

/// Queueing a work item that is queued already.
#[inline(never)]
fn queue_again(rounds: u64, interrupt: &Measured) {
    interrupt.queue_work_item();
    for _ in 0..rounds {
        black_box(black_box(interrupt).queue_work_item());
    }
}

/// Queueing a work item, and its empty run.
#[inline(never)]
fn queue_and_run(rounds: u64, interrupt: &Measured) {
    for _ in 0..rounds {
        black_box(black_box(interrupt).queue_work_item());
        black_box(black_box(interrupt).run_work_item());
    }
}

/// What no other measure may contain: a panic and an allocation. It shows that `.ci/instructions` notices them.
#[inline(never)]
fn canary(rounds: u64, _: &Measured) {
    for round in 0..rounds {
        assert_ne!(*black_box(Box::new(black_box(round))), u64::MAX);
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (wanted, rounds) = match &arguments[..] {
        [] => (None, 10),
        [measure, rounds] => (Some(measure), rounds.parse().expect("a number of rounds")),
        _ => panic!("usage: instructions [MEASURE ROUNDS]"),
    };
    for measure in MEASURES.iter().filter(|measure| wanted.is_none_or(|wanted| wanted == measure.name)) {
        let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
        interrupt.enable().unwrap();
        (measure.run)(rounds, &interrupt);
        if let Some(count) = measure.count {
            assert_eq!(count(&interrupt.stats()), rounds, "{}", measure.name);
        }
    }
}
