//! From an assertion to the ISR, and on to the work item.

#[cfg(target_os = "linux")]
#[path = "support/eventfd.rs"]
mod eventfd;
#[cfg(target_os = "linux")]
#[path = "support/placement.rs"]
mod placement;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(target_os = "linux")]
use criterion::SamplingMode;
use criterion::{Criterion, criterion_group, criterion_main};
use interrupt_lock::{Claim, Interrupt};

/// A delivery's own cost: an empty ISR, no source, no thread.
fn service(c: &mut Criterion) {
    let mut group = c.benchmark_group("service");

    let interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    group.bench_function("Interrupt", |b| b.iter(|| black_box(&interrupt).service()));

    // The least that a driver would write by hand: without disable, faults, caught panics or counters.
    let isr: Box<dyn FnMut(&mut u64) -> bool> = Box::new(|_| true);
    let by_hand = parking_lot::Mutex::new((0u64, isr));
    group.bench_function("mutex and closure", |b| {
        b.iter(|| {
            let (data, isr) = &mut *black_box(&by_hand).lock();
            isr(data)
        });
    });
    group.finish();
}

fn work_item(c: &mut Criterion) {
    let mut group = c.benchmark_group("work_item");

    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
    interrupt.enable().unwrap();
    let queued = AtomicBool::new(false);
    let mut work: Box<dyn FnMut()> = Box::new(|| ());

    group.bench_function("queue and run/Interrupt", |b| {
        b.iter(|| {
            let interrupt = black_box(&interrupt);
            interrupt.queue_work_item();
            interrupt.run_work_item()
        });
    });
    group.bench_function("queue and run/flag and closure", |b| {
        b.iter(|| {
            let queued = black_box(&queued);
            queued.swap(true, Ordering::AcqRel);
            if queued.swap(false, Ordering::AcqRel) {
                work();
            }
        });
    });

    interrupt.queue_work_item();
    group.bench_function("queue again/Interrupt", |b| {
        b.iter(|| black_box(&interrupt).queue_work_item());
    });
    queued.store(true, Ordering::Release);
    group.bench_function("queue again/flag", |b| {
        b.iter(|| black_box(&queued).swap(true, Ordering::AcqRel));
    });
    group.finish();
}

/// From the signal of an eventfd to the first line of the ISR, on a thread that slept. Another thread signals.
#[cfg(target_os = "linux")]
fn delivery(c: &mut Criterion) {
    let processors = placement::processors();
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    if first != last {
        // As with a device: the assertion comes from elsewhere, and the dispatcher's processor is idle.
        placed(c, "delivery, two processors", first, last);
    }
    // On one processor only the thread has to be woken: this measures the software on the way, and no more.
    placed(c, "delivery, one processor", first, first);
}

#[cfg(target_os = "linux")]
fn placed(c: &mut Criterion, name: &str, asserter: usize, server: usize) {
    let mut group = c.benchmark_group(name);
    // Every sample has the same number of trips, since a sample's figure is the median of its trips.
    group.sampling_mode(SamplingMode::Flat);
    for (measured, name) in ["dispatcher", "bare read loop", "bare epoll and read loop"].into_iter().enumerate() {
        group.bench_function(name, |b| {
            b.iter_custom(|trips| {
                let mut taken = eventfd::trips(trips, asserter, server);
                taken[measured].sort_unstable();
                taken[measured][taken[measured].len() / 2] * u32::try_from(trips).unwrap()
            });
        });
    }
    group.finish();
}

#[cfg(not(target_os = "linux"))]
fn delivery(_: &mut Criterion) {}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = service, work_item, delivery
}
criterion_main!(benches);
