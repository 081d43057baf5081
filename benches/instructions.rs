//! The measures whose instructions `.ci/instructions` counts.
//!
//! `instructions MEASURE ROUNDS` runs one measure ROUNDS times and does nothing else. Without arguments (`cargo bench`)
//! it runs each measure ten times, to show that it works.

use std::hint::black_box;

#[cfg(target_os = "linux")]
use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::source::{EdgeHandle, Software, Source};
use interrupt_lock::{Claim, Interrupt, NoWorkItem, Stats, WithWorkItem};

type Measured = Interrupt<u64, WithWorkItem>;
type Unworked = Interrupt<u64, NoWorkItem>;

struct Measure {
    name: &'static str,
    run: fn(u64),
}

const MEASURES: &[Measure] = &[
    Measure { name: "lock", run: |rounds| called(rounds, lock, |_| rounds) },
    Measure { name: "service", run: |rounds| called(rounds, service, |stats| stats.claimed) },
    Measure { name: "queue_again", run: |rounds| called(rounds, queue_again, |stats| stats.work_merged) },
    Measure { name: "queue_and_run", run: |rounds| called(rounds, queue_and_run, |stats| stats.work_run) },
    Measure { name: "software", run: asserted },
    #[cfg(target_os = "linux")]
    Measure { name: "signal", run: signalled },
    #[cfg(target_os = "linux")]
    Measure { name: "eventfd", run: delivered },
    Measure { name: "canary", run: |rounds| called(rounds, canary, |_| rounds) },
];

/// Runs a measure of an interrupt without a source. `count` returns the counter that must be equal to the number of rounds.
fn called(rounds: u64, run: fn(u64, &Measured), count: impl FnOnce(&Stats) -> u64) {
    let interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
    interrupt.enable().unwrap();
    run(rounds, &interrupt);
    assert_eq!(count(&interrupt.stats()), rounds);
}

/// An interrupt with a source and without a thread.
fn with(source: impl Source + 'static) -> Unworked {
    let interrupt =
        Interrupt::builder(0u64).isr(|_| Claim::Claimed).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

fn asserted(rounds: u64) {
    let (source, edge) = Software::edge();
    let interrupt = with(source);
    software(rounds, &interrupt, &edge);
    assert_eq!(interrupt.stats().claimed, rounds);
}

#[cfg(target_os = "linux")]
fn signalled(rounds: u64) {
    let mut source = Eventfd::new().unwrap();
    let signaller = source.signaller();
    signal(rounds, &mut source, &signaller);
}

#[cfg(target_os = "linux")]
fn delivered(rounds: u64) {
    let source = Eventfd::new().unwrap();
    let signaller = source.signaller();
    let interrupt = with(source);
    eventfd(rounds, &interrupt, &signaller);
    assert_eq!(interrupt.stats().claimed, rounds);
}

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

/// An assertion of a software source, and its delivery.
#[inline(never)]
fn software(rounds: u64, interrupt: &Unworked, edge: &EdgeHandle) {
    for _ in 0..rounds {
        edge.assert();
        black_box(black_box(interrupt).service());
    }
}

/// A signal of an eventfd, taken by hand.
#[cfg(target_os = "linux")]
#[inline(never)]
fn signal(rounds: u64, source: &mut Eventfd, signaller: &EventfdSignaller) {
    for _ in 0..rounds {
        black_box(signaller).signal();
        let _ = black_box(black_box(&mut *source).take());
    }
}

/// A signal of an eventfd, and its delivery. Less `signal`, it is what a delivery does beyond its signal.
#[cfg(target_os = "linux")]
#[inline(never)]
fn eventfd(rounds: u64, interrupt: &Unworked, signaller: &EventfdSignaller) {
    for _ in 0..rounds {
        black_box(signaller).signal();
        black_box(black_box(interrupt).service());
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
        (measure.run)(rounds);
    }
}
