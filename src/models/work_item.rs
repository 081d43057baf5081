//! The work item: queueings merge, none is lost, runs never overlap, a flush waits (W1, W2, W3, W7).

use alloc::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::answer::{Queued, WithWorkItem, Work};
use crate::claim::Claim;
use crate::interrupt::Interrupt;
use crate::interrupt::work_item::word::WorkWord;
use crate::models::{Counted, Probe, Shared, Wire, all, bounded};

fn working(mut work: impl FnMut() -> Work + Send + 'static) -> Shared<(), WithWorkItem> {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(move |_| work()).build().unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// A run sees what was done before the queueing that caused it.
// Caught: queue-release, begin-acquire.
#[test]
fn a_run_sees_what_was_queued() {
    all(|| {
        let probe = Probe::new();
        let interrupt = working({
            let probe = probe.clone();
            move || {
                assert_eq!(probe.touch(), 1);
                Work::Done
            }
        });
        let producer = thread::spawn({
            let (interrupt, probe) = (interrupt.clone(), probe.clone());
            move || {
                probe.touch();
                assert_eq!(interrupt.queue_work_item(), Queued::New);
            }
        });
        let _ = interrupt.run_work_item();
        producer.join().unwrap();
    });
}

/// A run sees what was done before a queueing that was merged into it, even if nothing else publishes that. So a
/// queueing that merges must write: a load that finds the item queued is not enough.
// Caught: merged-by-a-load, queue-release.
#[test]
fn a_run_sees_what_was_merged_into_it() {
    all(|| {
        let (left, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let interrupt = working({
            let (left, seen) = (left.clone(), seen.clone());
            move || {
                seen.fetch_add(left.load(Relaxed), Relaxed);
                Work::Done
            }
        });
        interrupt.queue_work_item();
        let runner = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.run_work_item()
        });
        left.store(1, Relaxed);
        let queued = interrupt.queue_work_item();
        let more = runner.join().unwrap();
        if queued == Queued::Merged {
            assert!(!more);
            assert_eq!(seen.load(Relaxed), 1, "merged into a run that did not see it");
        } else {
            assert!(interrupt.is_work_item_queued());
        }
    });
}

/// Each queueing is new or merged, and a queueing during a run causes one more run. There are as many runs as new
/// queueings, and no two overlap.
// Caught: end-release, begin-while-running, begin-keeps-queued, end-loses-the-queued.
#[test]
fn runs_are_as_many_as_new_queueings_and_never_overlap() {
    bounded(|| {
        let (probe, queued) = (Probe::new(), Arc::new(AtomicUsize::new(0)));
        let interrupt = working({
            let probe = probe.clone();
            move || {
                probe.touch();
                Work::Done
            }
        });
        let threads = [(); 2].map(|()| {
            let (interrupt, queued) = (interrupt.clone(), queued.clone());
            thread::spawn(move || {
                if interrupt.queue_work_item() == Queued::New {
                    queued.fetch_add(1, Relaxed);
                }
                // Also the rerun that another thread's queueing has caused.
                while interrupt.run_work_item() {}
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(!interrupt.is_work_item_queued());
        assert_eq!(probe.touch(), queued.load(Relaxed));
        assert_eq!(interrupt.stats().work_queued + interrupt.stats().work_merged, 2);
    });
}

/// Disable runs what is queued and waits for the run, even if the work item always queues itself again. After it, the
/// caller sees what the runs did.
// Caught: flush-does-not-wait, flush-ignores-the-queued, close-forgotten, end-wakes-nobody, waited-forgotten,
// flush-validates-nothing.
#[test]
fn disable_flushes_the_work_item() {
    bounded(|| {
        let probe = Probe::new();
        let interrupt = working({
            let probe = probe.clone();
            move || {
                probe.touch();
                Work::Again
            }
        });
        let worker = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                interrupt.queue_work_item();
                let _ = interrupt.run_work_item();
            }
        });
        interrupt.disable().unwrap();
        // Ordered after every run, or loom says so.
        probe.touch();
        assert!(!interrupt.is_work_item_queued());
        worker.join().unwrap();
    });
}

/// Interrupts off while there is work: whenever the device completes, the work item or the look of the unmask callback finds
/// it, and the device ends with its interrupts on.
// Caught: again-queues-nothing, again-forgets-the-mask, the-mask-outlasts-the-run.
#[test]
fn a_cycle_leaves_nothing_and_ends_armed() {
    bounded(|| {
        let nic = Arc::new(Mutex::new(Nic { armed: true, completed: 0 }));
        let [isr, work, unmask] = [(); 3].map(|()| nic.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                isr.lock().unwrap().armed = false;
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .work_item(move |_| work.lock().unwrap().completed = 0)
            .on_unmask(move |()| {
                let mut nic = unmask.lock().unwrap();
                nic.armed = nic.completed == 0;
                if nic.armed { Work::Done } else { Work::Again }
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let interrupt: Shared<(), WithWorkItem> = Arc::new(interrupt);
        let device = thread::spawn({
            let (interrupt, nic) = (interrupt.clone(), nic.clone());
            move || {
                for _ in 0..2 {
                    let mut nic = nic.lock().unwrap();
                    nic.completed += 1;
                    let asserts = nic.armed;
                    drop(nic);
                    if asserts {
                        interrupt.service();
                    }
                }
            }
        });
        while interrupt.run_work_item() {}
        device.join().unwrap();
        while interrupt.is_work_item_queued() {
            let _ = interrupt.run_work_item();
        }
        let nic = nic.lock().unwrap();
        assert_eq!((nic.armed, nic.completed), (true, 0));
    });
}

/// A device whose interrupts can be turned off.
struct Nic {
    armed: bool,
    completed: u32,
}

/// A thread that finds the item idle sees what its last run did. This models the word alone: in a model of an
/// interrupt, the fences that stand for the lock's barriers would order this too, and outside models they may be no
/// fences.
// Caught: is-idle-acquire.
#[test]
fn who_finds_it_idle_sees_the_last_run() {
    all(|| {
        let (word, probe) = (Arc::new(WorkWord::new()), Probe::new());
        word.open();
        word.queue();
        let worker = thread::spawn({
            let (word, probe) = (word.clone(), probe.clone());
            move || {
                word.begin().unwrap();
                probe.touch();
                word.end();
            }
        });
        if word.is_idle() {
            probe.touch();
        }
        worker.join().unwrap();
    });
}

/// Two threads that are told to run the item run it once.
// Caught: begin-while-running, begin-keeps-queued.
#[test]
fn one_queueing_is_one_run() {
    all(|| {
        let probe = Probe::new();
        let interrupt = working({
            let probe = probe.clone();
            move || {
                probe.touch();
                Work::Done
            }
        });
        interrupt.queue_work_item();
        let other = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.run_work_item()
        });
        let _ = interrupt.run_work_item();
        let _ = other.join().unwrap();
        assert_eq!(probe.touch(), 1);
    });
}

/// A line that the ISR keeps masked for its work item is unmasked after the run, even if the run is over before the ISR
/// has returned.
// Caught: keep-torn, keep-acquire, end-ignores-the-kept, fast-run-leaves-the-line-masked.
#[test]
fn a_kept_line_is_opened_by_the_fastest_run() {
    bounded(|| {
        let wire = Wire::new();
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|cx| {
                    cx.queue_work_item();
                    Claim::ClaimedKeepMasked
                })
                .work_item({
                    let line = wire.line.clone();
                    move |_| {
                        line.touch();
                    }
                })
                .source(Counted::new(&wire))
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        wire.assert();
        let worker = thread::spawn({
            let interrupt = interrupt.clone();
            move || while interrupt.run_work_item() {}
        });
        interrupt.service();
        worker.join().unwrap();
        while interrupt.run_work_item() {}
        assert_eq!(wire.unmasked(), 1);
    });
}
