//! Rules L7, L12, I16: what a release serves before others get their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{Claim, Deferral, Delivery, Dispatcher, Interrupt, InterruptLock, NoWorkItem, Transition};
use support::slot::Slot;
use support::{Gate, until, watchdog};

/// The order in which ISRs and closures ran.
type Order = Vec<&'static str>;

/// Builds an interrupt without a source whose ISR asserts the interrupts of `asserted`, for as long as `goes_on` says.
fn asserting(
    lock: &Arc<InterruptLock<u64>>,
    asserted: &Slot<u64, NoWorkItem>,
    goes_on: &Arc<AtomicBool>,
) -> Interrupt<u64, NoWorkItem> {
    let (asserted, goes_on) = (asserted.clone(), goes_on.clone());
    let interrupt = Interrupt::builder_sharing(lock)
        .isr(move |runs| {
            **runs += 1;
            if goes_on.load(SeqCst) {
                assert_eq!(asserted.get().service(), Delivery::Pending);
            }
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// An ISR that asserts its own interrupt keeps neither the delivering thread nor others busy for ever. Each run after
/// the first is one that the run before has asserted, and none of them is lost.
// Caught: a release without a bound; a bound that counts closures only; a release that forgets what it passes on.
#[test]
fn l7_an_isr_that_asserts_itself_keeps_nobody_out() {
    watchdog(|| {
        let goes_on = Arc::new(AtomicBool::new(true));
        let slot = Slot::new();
        let interrupt = Interrupt::builder(0_u64)
            .isr({
                let (slot, goes_on): (Slot<u64, NoWorkItem>, _) = (slot.clone(), goes_on.clone());
                move |runs| {
                    **runs += 1;
                    if goes_on.load(SeqCst) {
                        assert_eq!(slot.get().service(), Delivery::Pending);
                    }
                    Claim::Claimed
                }
            })
            .build()
            .unwrap();
        slot.set(&interrupt);
        interrupt.enable().unwrap();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(interrupt.stats().claimed, 1 + 64);
        // The next owner serves as many, and comes to its own section.
        assert_eq!(*interrupt.acquire_interrupt_lock(), 1 + 2 * 64);
        assert!(interrupt.try_acquire_interrupt_lock().is_some());
        assert_eq!(interrupt.disable().unwrap(), Transition::Done);
        let stopped = interrupt.stats().claimed;
        assert_eq!(*interrupt.acquire_interrupt_lock(), stopped, "an ISR ran after the disable");
        // Each run has asserted once, and so did the call above.
        let stats = interrupt.stats();
        assert_eq!(stats.claimed + stats.coalesced + stats.stale, 1 + stopped);

        // What was passed on is still there for the next owner.
        interrupt.enable().unwrap();
        let before = interrupt.stats().claimed;
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        goes_on.store(false, SeqCst);
        assert_eq!(interrupt.stats().claimed, before + 1 + 64);
        drop(interrupt.acquire_interrupt_lock());
        assert_eq!(interrupt.stats().claimed, before + 1 + 64 + 1);
    });
}

/// The same with two interrupts that share a lock and assert each other, while other threads come for the lock and
/// disable one of them.
// Caught: a bound that counts closures only.
#[test]
fn l7_isrs_that_assert_each_other_keep_nobody_out() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0_u64));
        let goes_on = Arc::new(AtomicBool::new(true));
        let (rx_slot, tx_slot) = (Slot::new(), Slot::new());
        let (rx, tx) = (asserting(&lock, &tx_slot, &goes_on), asserting(&lock, &rx_slot, &goes_on));
        rx_slot.set(&rx);
        tx_slot.set(&tx);
        thread::scope(|threads| {
            threads.spawn(|| rx.service());
            for _ in 0..3 {
                threads.spawn(|| {
                    for _ in 0..100 {
                        drop(lock.acquire_interrupt_lock());
                    }
                });
            }
            until(|| *lock.acquire_interrupt_lock() >= 1_000);
            assert_eq!(rx.disable().unwrap(), Transition::Done);
        });
        goes_on.store(false, SeqCst);
        drop(lock.acquire_interrupt_lock());
        drop(lock.acquire_interrupt_lock());
        let (rx, tx) = (rx.stats(), tx.stats());
        // Each run has asserted the other, except those after the flag; `service` has asserted once more.
        assert!(rx.claimed + rx.coalesced + rx.stale <= 1 + tx.claimed);
        assert!(tx.claimed + tx.coalesced + tx.stale <= rx.claimed);
        assert_eq!(*lock.acquire_interrupt_lock(), rx.claimed + tx.claimed);
    });
}

/// An interrupt with a source that no thread waits on, and its line.
fn signalled(lock: &Arc<InterruptLock<Order>>) -> (Interrupt<Order, NoWorkItem>, EdgeHandle) {
    let (source, line) = Software::edge();
    let interrupt = Interrupt::builder_sharing(lock)
        .isr(|order| {
            order.push("ISR");
            Claim::Claimed
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, line)
}

/// Defers three closures for `submitter`, of which the first asserts `line`. Returns what ran, in that order.
fn assert_in_a_closure(
    lock: &Arc<InterruptLock<Order>>,
    submitter: &Interrupt<Order, NoWorkItem>,
    line: &EdgeHandle,
) -> Order {
    let line = line.clone();
    let held = lock.acquire_interrupt_lock();
    let submitted = submitter.run_or_defer(move |order| {
        order.push("first");
        line.assert();
    });
    assert_eq!(submitted.unwrap(), Deferral::Deferred);
    for name in ["second", "third"] {
        submitter.run_or_defer(move |order| order.push(name)).unwrap();
    }
    drop(held);
    lock.synchronize(std::mem::take)
}

/// An assertion that only the source knows of waits for the closure that is running, and not for the next: whichever
/// interrupt with the same lock the closures belong to.
// Caught: a release that looks at no source before a closure; one that looks only at its own.
#[test]
fn l12_an_assertion_at_the_source_goes_before_the_next_closure() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let (rx, line) = signalled(&lock);
        let (tx, other_line) = signalled(&lock);
        for submitter in [&rx, &tx] {
            for line in [&line, &other_line] {
                assert_eq!(assert_in_a_closure(&lock, submitter, line), ["first", "ISR", "second", "third"]);
            }
        }
        assert_eq!(rx.service(), Delivery::Nothing);

        rx.report_inactive().unwrap();
        assert_eq!(assert_in_a_closure(&lock, &tx, &line), ["first", "second", "third"]);
        assert_eq!(rx.service(), Delivery::Nothing, "the release has withheld it");
        rx.report_active().unwrap();
        assert_eq!(lock.synchronize(std::mem::take), ["ISR"]);

        rx.disable().unwrap();
        assert_eq!(assert_in_a_closure(&lock, &tx, &line), ["first", "second", "third"]);
        assert_eq!(rx.stats().claimed, 3);
    });
}

/// The look takes a level that is masked, or kept masked, no second time.
// Caught: a release that looks at no source before a closure.
#[test]
fn l12_a_masked_level_is_left_alone() {
    let (source, line) = Software::level();
    let interrupt: Interrupt<Order, NoWorkItem> = Interrupt::builder(Order::new())
        .isr(|order| {
            order.push("ISR");
            Claim::ClaimedKeepMasked
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    let held = interrupt.acquire_interrupt_lock();
    for name in ["first", "second", "third"] {
        let line = line.clone();
        interrupt
            .run_or_defer(move |order| {
                order.push(name);
                line.assert();
            })
            .unwrap();
    }
    drop(held);
    assert_eq!(*interrupt.acquire_interrupt_lock(), ["first", "ISR", "second", "third"]);
}

/// A release without closures asks no source.
// Caught: a release that looks at the source in every batch.
#[test]
fn l12_without_closures_a_release_asks_no_source() {
    let lock = Arc::new(InterruptLock::new(Order::new()));
    let (_rx, line) = signalled(&lock);
    let tx = Interrupt::<Order, NoWorkItem>::builder_sharing(&lock)
        .isr(|order| {
            order.push("tx");
            Claim::Claimed
        })
        .build()
        .unwrap();
    tx.enable().unwrap();
    let held = lock.acquire_interrupt_lock();
    line.assert();
    assert_eq!(tx.service(), Delivery::Pending);
    drop(held);
    assert_eq!(lock.synchronize(std::mem::take), ["tx"]);
}

/// The thread that waits on sources runs one closure of an ISR, and leaves the others to the worker: its other
/// interrupts need it.
// Caught: a watcher that runs as many as any thread; one that passes on to nobody.
#[test]
fn i16_closures_delay_no_other_interrupt_of_the_dispatcher() {
    watchdog(|| {
        const CLOSURES: usize = 10;
        let dispatcher = Dispatcher::new().unwrap();
        let (ran, runs) = mpsc::channel();
        let other_has_run = Gate::new();
        let (slow_source, slow_line) = Software::edge();
        let slot = Slot::new();
        let slow: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .isr({
                let (slot, other_has_run): (Slot<(), NoWorkItem>, _) = (slot.clone(), other_has_run.clone());
                move |_| {
                    let watcher = thread::current().id();
                    for n in 0..CLOSURES {
                        let (ran, gate) = (ran.clone(), other_has_run.clone());
                        let submitted = slot.get().run_or_defer(move |()| {
                            if n == 1 {
                                gate.wait();
                            }
                            ran.send((n, thread::current().id() == watcher)).unwrap();
                        });
                        assert_eq!(submitted.unwrap(), Deferral::Deferred);
                    }
                    Claim::Claimed
                }
            })
            .source(slow_source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        slot.set(&slow);
        slow.enable().unwrap();
        let (source, line) = Software::edge();
        let other: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .isr(move |_| {
                other_has_run.open();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        slow_line.assert();
        assert_eq!(runs.recv().unwrap(), (0, true));
        line.assert();
        for n in 1..CLOSURES {
            assert_eq!(runs.recv().unwrap(), (n, false));
        }
    });
}

/// The end of an interrupt runs its last closures in one section. Another interrupt with the same lock is served
/// between two of them.
// Caught: an end that runs its closures one after the other.
#[test]
fn l12_the_closures_of_an_end_delay_no_other_interrupt() {
    watchdog(|| {
        // More than the releases on the way to the end run.
        const CLOSURES: u64 = 1_000;
        let lock = Arc::new(InterruptLock::new(Order::new()));
        let (rx, line) = signalled(&lock);
        let (tx, _) = signalled(&lock);
        let (ran, late) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let held = lock.acquire_interrupt_lock();
        for _ in 0..CLOSURES {
            let (line, ran, late) = (line.clone(), ran.clone(), late.clone());
            tx.run_or_defer(move |order| {
                // Each closure before this one has asserted once.
                if order.len() as u64 != ran.fetch_add(1, SeqCst) {
                    late.store(true, SeqCst);
                }
                line.assert();
            })
            .unwrap();
        }
        drop(held);
        drop(tx);
        assert_eq!(ran.load(SeqCst), CLOSURES);
        assert!(!late.load(SeqCst), "a closure ran before the assertion of another");
        // What the last closure has asserted is not taken by a release without closures.
        assert_eq!(rx.service(), Delivery::Answered(Claim::Claimed));
        assert_eq!(lock.synchronize(|order| order.len() as u64), CLOSURES);
    });
}
