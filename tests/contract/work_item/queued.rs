//! Rules W1 to W6: the interrupt work item.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{
    Claim, Dispatcher, Interrupt, InterruptObject, IsrContext, NoWorkItem, Queued, Refusal, WithWorkItem,
    WorkItemContext, WorkItemRegistered,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::log::Log;
use support::slot::Slot;
use support::{Gate, step, watchdog};

// Caught: a second queueing that is new too; a refusal that always says disabled; an enable that does not open.
#[test]
fn w1_the_answer_is_new_merged_or_refused_and_why() {
    let interrupt = Interrupt::builder(false)
        .isr(|cx| match **cx {
            true => Claim::DeviceGone,
            false => panic!("on purpose"),
        })
        .work_item(|_| ())
        .build()
        .unwrap();
    let refused = |why| Queued::Refused(why);
    assert_eq!(interrupt.queue_work_item(), refused(Refusal::Disabled));
    interrupt.enable().unwrap();
    assert_eq!(interrupt.queue_work_item(), Queued::New);
    assert_eq!(interrupt.queue_work_item(), Queued::Merged);
    assert!(interrupt.is_work_item_queued());
    assert!(!interrupt.run_work_item());
    assert!(!interrupt.is_work_item_queued());
    assert_eq!(interrupt.queue_work_item(), Queued::New);
    interrupt.disable().unwrap();
    assert_eq!(interrupt.queue_work_item(), refused(Refusal::Disabled));
    interrupt.enable().unwrap();
    interrupt.service();
    assert_eq!(interrupt.queue_work_item(), refused(Refusal::Faulted));
    interrupt.clear_fault().unwrap();
    interrupt.enable().unwrap();
    *interrupt.acquire_interrupt_lock() = true;
    interrupt.service();
    assert_eq!(interrupt.queue_work_item(), refused(Refusal::Removed));
    let object = interrupt.object().clone();
    drop(interrupt);
    assert_eq!(object.queue_work_item(), refused(Refusal::Ended));
    let stats = object.stats();
    assert_eq!((stats.work_queued, stats.work_merged, stats.work_run), (2, 1, 2));
}

/// The work item can't be queued in the enable callback: the interrupt is not enabled yet.
// Caught: a work item that is open before the enable callback has succeeded.
#[test]
fn w1_refused_until_the_enable_callback_has_succeeded() {
    let slot: Slot<Option<Queued>, WithWorkItem> = Slot::new();
    let own = slot.clone();
    let interrupt = Interrupt::builder(None)
        .isr(|_| Claim::Claimed)
        .on_enable(move |answer| {
            *answer = Some(own.get().queue_work_item());
            Err("no clock")
        })
        .work_item(|_| ())
        .build()
        .unwrap();
    slot.set(&interrupt);
    interrupt.enable().unwrap_err();
    assert_eq!(*interrupt.acquire_interrupt_lock(), Some(Queued::Refused(Refusal::Disabled)));
}

// Caught: a run that clears QUEUED as it ends; a queueing during a run that is merged into it.
#[test]
fn w2_one_queued_while_it_runs_causes_one_more_run() {
    let runs = Arc::new(AtomicU64::new(0));
    let count = runs.clone();
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .work_item(move |interrupt| {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                assert_eq!(interrupt.queue_work_item(), Queued::New);
                assert_eq!(interrupt.queue_work_item(), Queued::Merged);
            }
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt.queue_work_item();
    assert!(interrupt.run_work_item());
    assert!(!interrupt.run_work_item());
    assert!(!interrupt.run_work_item());
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

/// However the threads meet, every queueing is followed by a run that sees what was done before it.
// Caught: a worker that forgets one that was queued while it ran; the count not cleared by the run.
#[test]
fn w2_no_queueing_is_lost_under_load() {
    const EACH: u64 = 5_000;
    watchdog(|| {
        let (queued, done) = (Arc::new(AtomicU64::new(0)), Gate::new());
        let (left, finish, mut answered) = (queued.clone(), done.clone(), 0);
        let (source, _assert) = Software::edge();
        let interrupt = Interrupt::builder(0)
            .isr(|_| Claim::Claimed)
            .work_item(move |work| {
                work.synchronize(|total| *total += 1 + work.merged());
                // Some are queued while it runs.
                step();
                answered += left.swap(0, Ordering::SeqCst);
                if answered == 4 * EACH {
                    finish.open();
                }
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        queued.fetch_add(1, Ordering::SeqCst);
                        assert!(!matches!(interrupt.queue_work_item(), Queued::Refused(_)));
                    }
                });
            }
        });
        done.wait();
        interrupt.disable().unwrap();
        let stats = interrupt.stats();
        assert_eq!(stats.work_queued + stats.work_merged, 4 * EACH);
        assert_eq!(stats.work_run, stats.work_queued);
        assert_eq!(*interrupt.acquire_interrupt_lock() as u64, 4 * EACH);
    });
}

/// A driver runs the work item by hand although there is a worker, and does not look whether there is more. The worker,
/// which gave way to that run, does what was queued meanwhile.
// Caught: a run that leaves what was queued meanwhile to its caller's answer alone.
#[test]
fn w2_one_queued_during_a_run_by_hand_is_not_left_lying() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let log = Log::new();
        let blocked = |name: &'static str, entered: &Gate, go: &Gate| {
            let (log, entered, go) = (log.clone(), entered.clone(), go.clone());
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item(move |_| {
                    entered.open();
                    go.wait();
                    log.add(name);
                })
                .dispatcher(&dispatcher)
                .build()
                .unwrap()
        };
        let (busy, free, entered, go) = (Gate::new(), Gate::new(), Gate::new(), Gate::new());
        let first = blocked("first", &busy, &free);
        let by_hand = blocked("by hand", &entered, &go);
        first.enable().unwrap();
        by_hand.enable().unwrap();
        // The worker is busy, so this thread's run is the one that begins.
        first.queue_work_item();
        busy.wait();
        by_hand.queue_work_item();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = by_hand.run_work_item();
            });
            entered.wait();
            assert_eq!(by_hand.queue_work_item(), Queued::New);
            // The worker comes by, in order, while that run is going on.
            free.open();
            log.wait_for("first", 1);
            first.queue_work_item();
            log.wait_for("first", 2);
            go.open();
        });
        log.wait_for("by hand", 2);
    });
}

// Caught: a run that begins although another is running.
#[test]
fn w3_runs_never_overlap() {
    watchdog(|| {
        let inside = AtomicBool::new(false);
        let (source, assert) = Software::edge();
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                assert!(!inside.swap(true, Ordering::SeqCst), "two runs at once");
                step();
                inside.store(false, Ordering::SeqCst);
            })
            .source(source)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        assert.assert();
                        interrupt.queue_work_item();
                        let _ = interrupt.run_work_item();
                    }
                });
            }
            for _ in 0..200 {
                interrupt.enable().unwrap();
                step();
                interrupt.disable().unwrap();
            }
        });
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
    });
}

/// A work item that runs itself does not overlap either.
// Caught: a run that begins although another is running.
#[test]
fn w3_not_from_within_itself() {
    let runs = Arc::new(AtomicU64::new(0));
    let count = runs.clone();
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .work_item(move |work| {
            assert!(count.fetch_add(1, Ordering::SeqCst) < 2);
            if count.load(Ordering::SeqCst) == 1 {
                work.queue_work_item();
                assert!(!work.run_work_item());
            }
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt.queue_work_item();
    assert!(interrupt.run_work_item());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

// Caught: merged() that tells the queueings, or always 0; the lock held around the work item.
#[test]
fn w4_it_runs_without_the_lock_and_is_told_how_many() {
    watchdog(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        let interrupt = Interrupt::builder(0)
            .isr(|_| Claim::Claimed)
            .work_item(move |work| {
                *work.acquire_interrupt_lock() += 1;
                told.lock().unwrap().push(work.merged());
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        for queueings in [1, 4, 2] {
            for _ in 0..queueings {
                interrupt.queue_work_item();
            }
            assert!(!interrupt.run_work_item());
        }
        for _ in 0..3 {
            interrupt.queue_work_item();
        }
        interrupt.disable().unwrap();
        assert_eq!(*seen.lock().unwrap(), [0, 3, 1, 2]);
        assert_eq!(*interrupt.acquire_interrupt_lock(), 4);
    });
}

/// A compile-fail test shows that the code can't be written. This test shows what that rests on.
// Caught: NoWorkItem implementing WorkItemRegistered.
#[test]
fn w6_only_what_is_registered_can_be_queued() {
    assert_impl_all!(WithWorkItem: WorkItemRegistered);
    assert_not_impl_any!(NoWorkItem: WorkItemRegistered);
    let _from_the_object = InterruptObject::<(), WithWorkItem>::queue_work_item::<WithWorkItem>;
    let _from_the_isr = |cx: &IsrContext<'_, (), WithWorkItem>| cx.queue_work_item();
    let _from_the_work_item = |cx: &WorkItemContext<'_, ()>| cx.queue_work_item();
}
