//! The lock on its own, and how long a delivery waits for it.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use interrupt_lock::RawPiLock;
use interrupt_lock::{Claim, Delivery, Interrupt, InterruptLock};

use crate::placement::{move_to, processors};
use crate::table::{Figure, Figures, Table, per_round, quantile, work};

pub fn measure(table: &mut Table) {
    uncontended(table);
    contended(table);
    held(table);
    wait_of_the_isr(table, 1);
    wait_of_the_isr(table, 2);
}

/// Acquire, touch the data, release. No other thread wants the lock.
fn uncontended(table: &mut Table) {
    const TURNS: usize = 300;
    const ROUNDS: u32 = 10_000;
    if !table.wants("acquire and release") {
        return;
    }
    let ours = InterruptLock::new(0u64);
    let of_interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).build().unwrap();
    let shared = Arc::new(InterruptLock::new(0u64));
    let of_shared = [(); 2].map(|()| Interrupt::builder_sharing(&shared).isr(|_| Claim::Claimed).build().unwrap());
    #[cfg(target_os = "linux")]
    let inheriting = lock_api::Mutex::<RawPiLock, u64>::new(0);
    let parking_lot = parking_lot::Mutex::new(0u64);
    let std = std::sync::Mutex::new(0u64);
    let lock = AtomicUsize::new(0);
    let mut data = 0u64;
    // One compare-exchange and one plain store: a lock that could not even wake a waiter.
    let mut limit = || {
        per_round(ROUNDS, || {
            let lock = black_box(&lock);
            if lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                *black_box(&mut data) += 1;
                lock.store(0, Ordering::Release);
            }
        })
    };
    let ours = || per_round(ROUNDS, || *black_box(&ours).acquire_interrupt_lock() += 1);
    let of_interrupt = || per_round(ROUNDS, || *black_box(&of_interrupt).acquire_interrupt_lock() += 1);
    let of_shared = || per_round(ROUNDS, || *black_box(&of_shared[0]).acquire_interrupt_lock() += 1);
    #[cfg(target_os = "linux")]
    let inheriting = || per_round(ROUNDS, || *black_box(&inheriting).lock() += 1);
    let parking_lot = || per_round(ROUNDS, || *black_box(&parking_lot).lock() += 1);
    let std = || per_round(ROUNDS, || *black_box(&std).lock().unwrap() += 1);
    table.line("acquire and release / parking_lot", &Figures::in_turns(TURNS, ours, parking_lot, Some(&mut limit)));
    table.line("acquire and release / std::sync::Mutex", &Figures::in_turns(TURNS, ours, std, Some(&mut limit)));
    table.line(
        "acquire and release of an Interrupt / parking_lot",
        &Figures::in_turns(TURNS, of_interrupt, parking_lot, Some(&mut limit)),
    );
    table.line(
        "acquire and release, shared by two Interrupts / parking_lot",
        &Figures::in_turns(TURNS, of_shared, parking_lot, Some(&mut limit)),
    );
    #[cfg(target_os = "linux")]
    table.line(
        "acquire and release with priority inheritance / parking_lot",
        &Figures::in_turns(TURNS, inheriting, parking_lot, Some(&mut limit)),
    );
}

/// How long a section of two threads that contend is: a few tens of nanoseconds.
const STEPS: u32 = 10;

/// Two threads with short sections, and as much to do between them. If there are two processors, each thread has one.
fn contended(table: &mut Table) {
    const TURNS: usize = 15;
    const SECTIONS: u32 = 200_000;
    let name = "two threads contending / parking_lot";
    if !table.wants(name) {
        return;
    }
    let (ours, parking_lot) = (InterruptLock::new(0u64), parking_lot::Mutex::new(0u64));
    let ours = || by_two(SECTIONS, || work(&mut ours.acquire_interrupt_lock(), STEPS));
    let parking_lot = || by_two(SECTIONS, || work(&mut parking_lot.lock(), STEPS));
    table.line(name, &Figures::in_turns(TURNS, ours, parking_lot, None));
}

fn by_two(sections: u32, section: impl Fn() + Sync) -> Figure {
    let (processors, barrier) = (processors(), Barrier::new(2));
    let run = |processor: usize| {
        move_to(processor);
        let mut outside = 0;
        barrier.wait();
        per_round(sections, || {
            section();
            work(&mut outside, STEPS);
        })
    };
    let run = &run;
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    thread::scope(|threads| {
        let both = [first, last].map(|processor| threads.spawn(move || run(processor)));
        both.map(|thread| thread.join().unwrap()).into_iter().fold(0.0, f64::max)
    })
}

/// Trying to acquire a lock that another thread holds.
fn held(table: &mut Table) {
    const TURNS: usize = 300;
    const ROUNDS: u32 = 20_000;
    let name = "try_acquire of a held lock / parking_lot";
    if !table.wants(name) {
        return;
    }
    let (ours, parking_lot) = (InterruptLock::new(0u64), parking_lot::Mutex::new(0u64));
    let (_ours, _theirs) = (ours.acquire_interrupt_lock(), parking_lot.lock());
    let figures = thread::scope(|threads| {
        let other = || {
            let ours = || per_round(ROUNDS, || drop(black_box(&ours).try_acquire_interrupt_lock()));
            let parking_lot = || per_round(ROUNDS, || drop(black_box(&parking_lot).try_lock()));
            Figures::in_turns(TURNS, ours, parking_lot, None)
        };
        threads.spawn(other).join().unwrap()
    });
    table.line(name, &figures);
}

/// From the call of `service` to the ISR, while `others` threads run sections of a microsecond without a break.
fn wait_of_the_isr(table: &mut Table, others: usize) {
    const TURNS: usize = 40;
    const WAITS: u32 = 600;
    let name = format!("ISR's wait, {others} hammering / parking_lot");
    if !table.wants(&name) {
        return;
    }
    let (epoch, begun) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let theirs = begun.clone();
    let note = move |begun: &AtomicU64| begun.store(epoch.elapsed().as_nanos() as u64, Ordering::Relaxed);
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            note(&theirs);
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    let parking_lot = parking_lot::Mutex::new(());
    let waits = |serve: &(dyn Fn() + Sync)| {
        let mut waits = Vec::new();
        for _ in 0..WAITS {
            let called = epoch.elapsed().as_nanos() as u64;
            serve();
            waits.push((begun.load(Ordering::Relaxed) - called) as Figure);
            pause();
        }
        waits
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        hammered(
            others,
            || spend(&interrupt.acquire_interrupt_lock()),
            || {
                ours.extend(waits(&|| assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed))));
            },
        );
        hammered(
            others,
            || spend(&parking_lot.lock()),
            || {
                theirs.extend(waits(&|| {
                    let _held = parking_lot.lock();
                    note(&begun);
                }));
            },
        );
    }
    for (quantile_name, part) in [("p50", 0.5), ("p99.9", 0.999)] {
        table.quantiles(
            &format!("{name}, {quantile_name}"),
            quantile(ours.clone(), part),
            quantile(theirs.clone(), part),
        );
    }
}

/// Runs `waits` while `others` threads run `section` without a break, the first of them on another processor.
fn hammered(others: usize, section: impl Fn() + Sync, waits: impl FnOnce() + Send) {
    let (stop, started) = (AtomicBool::new(false), Barrier::new(others + 1));
    let processors = processors();
    thread::scope(|threads| {
        for n in 1..=others {
            let (section, stop, started) = (&section, &stop, &started);
            let processor = processors[n % processors.len()];
            threads.spawn(move || {
                move_to(processor);
                started.wait();
                while !stop.load(Ordering::Relaxed) {
                    section();
                }
            });
        }
        let waiting = threads.spawn(|| {
            move_to(processors[0]);
            started.wait();
            waits();
        });
        waiting.join().unwrap();
        stop.store(true, Ordering::Relaxed);
    });
}

/// A section of a microsecond. The argument shows that the lock is held.
fn spend<T>(_held: &T) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(1) {
        std::hint::spin_loop();
    }
}

/// The pause between two interrupts.
fn pause() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}
