//! Queueing a work item, and the way from the ISR to its run.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt};

use crate::table::{Figure, Figures, Table, per_round};

pub fn measure(table: &mut Table) {
    queue_again(table);
    hand_over(table);
}

/// Queueing a work item that is queued already.
fn queue_again(table: &mut Table) {
    const TURNS: usize = 300;
    const ROUNDS: u32 = 10_000;
    let name = "queue_work_item again / one swap; limit: one load";
    if !table.wants(name) {
        return;
    }
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
    interrupt.enable().unwrap();
    interrupt.queue_work_item();
    let queued = AtomicUsize::new(1);
    let ours = || {
        per_round(ROUNDS, || {
            black_box(black_box(&interrupt).queue_work_item());
        })
    };
    let swap = || {
        per_round(ROUNDS, || {
            black_box(black_box(&queued).swap(1, Ordering::AcqRel));
        })
    };
    let mut load = || {
        per_round(ROUNDS, || {
            black_box(black_box(&queued).load(Ordering::Relaxed));
        })
    };
    table.line(name, &Figures::in_turns(TURNS, ours, swap, Some(&mut load)));
}

/// From the queueing in the ISR to the work item's first line, on a worker that slept. The peer is a channel from the
/// ISR to a thread in `recv`.
fn hand_over(table: &mut Table) {
    const TURNS: usize = 25;
    const TRIPS: usize = 40;
    let name = "work item: ISR to run, p50 / crossbeam-channel";
    if !table.wants(name) {
        return;
    }
    let (epoch, queued, began) = (Instant::now(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let now = move || epoch.elapsed().as_nanos() as u64;

    let (source, line) = Software::edge();
    let (in_isr, in_work) = (queued.clone(), began.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |cx| {
            in_isr.store(now(), Ordering::SeqCst);
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(move |_| in_work.store(now(), Ordering::SeqCst))
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap();

    let (sender, receiver) = crossbeam_channel::unbounded::<()>();
    let received = began.clone();
    let worker = thread::spawn(move || {
        while receiver.recv().is_ok() {
            received.store(now(), Ordering::SeqCst);
        }
    });
    let (source, channel_line) = Software::edge();
    let in_isr = queued.clone();
    let channelled = Interrupt::builder(())
        .isr(move |_| {
            in_isr.store(now(), Ordering::SeqCst);
            let _ = sender.send(());
            Claim::Claimed
        })
        .source(source)
        .build()
        .unwrap();
    channelled.enable().unwrap();

    let trip = |assert: &dyn Fn()| {
        began.store(0, Ordering::SeqCst);
        assert();
        while began.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        // Both threads go to sleep again.
        thread::sleep(Duration::from_micros(200));
        (began.load(Ordering::SeqCst) - queued.load(Ordering::SeqCst)) as Figure
    };
    let median_of = |assert: &dyn Fn()| crate::table::median((0..TRIPS).map(|_| trip(assert)).collect());
    let figures =
        Figures::in_turns(TURNS, || median_of(&|| line.assert()), || median_of(&|| channel_line.assert()), None);
    table.line(name, &figures);
    drop(channelled);
    worker.join().unwrap();
}
