//! The interrupt lock compared with other mutexes, and with the least that any lock has to do.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use interrupt_lock::{Claim, Interrupt, InterruptLock};

/// Acquire, touch the data, release. No other thread wants the lock.
fn uncontended(c: &mut Criterion) {
    let mut group = c.benchmark_group("uncontended");

    let lock = InterruptLock::new(0u64);
    group.bench_function("InterruptLock", |b| {
        b.iter(|| *black_box(&lock).acquire_interrupt_lock() += 1);
    });

    let lock = parking_lot::Mutex::new(0u64);
    group.bench_function("parking_lot", |b| b.iter(|| *black_box(&lock).lock() += 1));

    let interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).build().unwrap();
    group.bench_function("Interrupt", |b| {
        b.iter(|| *black_box(&interrupt).acquire_interrupt_lock() += 1);
    });

    let lock = std::sync::Mutex::new(0u64);
    group.bench_function("std", |b| b.iter(|| *black_box(&lock).lock().unwrap() += 1));

    let lock = spin::Mutex::new(0u64);
    group.bench_function("spin", |b| b.iter(|| *black_box(&lock).lock() += 1));

    // One compare-exchange and one plain store: a lock that could not even wake a waiter.
    let lock = AtomicUsize::new(0);
    let mut data = 0u64;
    group.bench_function("limit", |b| {
        b.iter(|| {
            let lock = black_box(&lock);
            if lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                *black_box(&mut data) += 1;
                lock.store(0, Ordering::Release);
            }
        });
    });
    group.finish();
}

/// Two threads with short sections, and as much to do between them.
fn contended(c: &mut Criterion) {
    let mut group = c.benchmark_group("contended");
    group.sampling_mode(SamplingMode::Flat);
    let (ours, peer) = (InterruptLock::new(0), parking_lot::Mutex::new(0));
    let mut samples = Vec::new();
    for (measured, name) in ["InterruptLock", "parking_lot"].into_iter().enumerate() {
        group.bench_function(name, |b| {
            b.iter_custom(|sections| {
                let taken = by_two(sections, || work(&mut ours.acquire_interrupt_lock()), || work(&mut peer.lock()));
                samples.push(taken[0].as_secs_f64() / taken[1].as_secs_f64());
                taken[measured]
            });
        });
    }
    group.finish();

    // Whether the two threads share a processor may differ between the figures above, but not within a sample.
    samples.sort_unstable_by(f64::total_cmp);
    if let Some(ratio) = samples.get(samples.len() / 2) {
        println!("contended, against parking_lot in the same sample: {ratio:.3}\n");
    }
}

/// Returns how long two threads take for `sections` sections each, of one lock and of the other. The two locks take
/// turns.
fn by_two(sections: u64, ours: impl Fn() + Sync, peers: impl Fn() + Sync) -> [Duration; 2] {
    /// So many sections last longer than the other thread needs to leave the barrier.
    const TURN: u64 = 10_000;
    let barrier = Barrier::new(2);
    let timed = |sections: u64, section: &dyn Fn(u64)| {
        barrier.wait();
        let start = Instant::now();
        section(sections);
        start.elapsed()
    };
    let run = || {
        let mut taken = [Duration::ZERO; 2];
        let mut left = sections;
        while left > 0 {
            let turn = left.min(TURN);
            left -= turn;
            taken[0] += timed(turn, &|turn| repeat(turn, &ours));
            taken[1] += timed(turn, &|turn| repeat(turn, &peers));
        }
        taken
    };
    thread::scope(|threads| {
        let other = threads.spawn(run);
        let (mine, others) = (run(), other.join().unwrap());
        [mine[0].max(others[0]), mine[1].max(others[1])]
    })
}

fn repeat(sections: u64, section: impl Fn()) {
    let mut outside = 0;
    for _ in 0..sections {
        section();
        work(&mut outside);
    }
    black_box(outside);
}

/// Takes a few tens of nanoseconds.
#[inline(always)]
fn work(n: &mut u64) {
    for _ in 0..10 {
        *n = black_box(n.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = uncontended, contended
}
criterion_main!(benches);
