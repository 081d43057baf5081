//! Rule E6: an end that is left to another thread, or that races with other threads.

use std::sync::{Arc, Barrier};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt, NoWorkItem, State};
use support::log::Log;
use support::script::Script;
use support::slot::{OnDrop, Owner, Slot};
use support::{Gate, LONG, let_it_block, until, watchdog};

/// An interrupt is dropped in the ISR of another, and the handle had the last reference to it.
// Caught: a worker that is told of the end but does not keep the interrupt.
#[test]
fn e6_dropped_in_the_isr_of_another_where_nobody_else_keeps_it() {
    watchdog(|| {
        let (log, owner) = (Log::new(), Owner::new());
        let (source, _device) = Script::waking(&log);
        let disable = log.clone();
        let second = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .on_disable(move |_| disable.add("disable callback"))
            .source(source)
            .build()
            .unwrap();
        second.enable().unwrap();
        log.take();
        drop(owner.keep(second));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                owner.drop_handle();
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        log.wait_for("source dropped", 1);
        let wanted = ["disable callback", "disconnect", "source dropped"];
        let mut log = log.take();
        log.retain(|entry| wanted.contains(&entry.as_str()));
        assert_eq!(log, wanted);
    });
}

/// The same while its work item runs: the end of that run ends it, and no reference remains.
// Caught: one that is kept for a worker which has been told to stop.
#[test]
fn e6_dropped_in_an_isr_while_its_work_item_runs() {
    watchdog(|| {
        let (owner, inside, go) = (Owner::new(), Gate::new(), Gate::new());
        let (source, _line) = Software::edge();
        let (running, going) = (inside.clone(), go.clone());
        let second = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |_| {
                running.open();
                going.wait();
            })
            .source(source)
            .build()
            .unwrap();
        second.enable().unwrap();
        second.queue_work_item();
        inside.wait();
        let left = Arc::downgrade(second.object());
        drop(owner.keep(second));
        let first = Interrupt::<_, NoWorkItem>::builder(())
            .isr(move |_| {
                owner.drop_handle();
                Claim::Claimed
            })
            .build()
            .unwrap();
        first.enable().unwrap();
        first.service();
        assert_ne!(left.strong_count(), 0);
        go.open();
        until(|| left.strong_count() == 0);
    });
}

/// The same while B's work item waits for A's lock, which the ISR holds.
// Caught: an end in an ISR that waits for a work item that runs.
#[test]
fn e6_dropped_in_the_isr_that_its_work_item_waits_for() {
    watchdog(|| {
        let (first, entered, log) = (Slot::<(), NoWorkItem>::new(), Gate::new(), Log::new());
        let (theirs, started, work) = (first.clone(), entered.clone(), log.clone());
        let owner = Owner::new();
        let (source, assert) = Software::edge();
        let second = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                let first = theirs.get();
                started.open();
                drop(first.acquire_interrupt_lock());
                work.add("work item");
            })
            .source(source)
            .build()
            .unwrap();
        second.enable().unwrap();
        let second = owner.keep(second);
        let isr = owner.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                assert.assert();
                entered.wait();
                let_it_block();
                isr.drop_handle();
                Claim::Claimed
            })
            .build()
            .unwrap();
        first.set(&interrupt);
        interrupt.enable().unwrap();
        interrupt.service();
        log.wait_for("work item", 1);
        until(|| second.state() == State::Ended);
    });
}

/// The handle is dropped where waiting for the end would close a circle. A thread that is started for it ends the
/// interrupt.
// Caught: a register of waits that finds no circle (it hangs).
#[test]
fn e6_dropped_where_waiting_would_close_a_circle() {
    for _ in 0..20 {
        watchdog(|| {
            let a = Arc::new(Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
            let b = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
            a.enable().unwrap();
            b.enable().unwrap();
            let object = b.object().clone();
            let met = Arc::new(Barrier::new(2));
            // It holds B's lock and waits for A's.
            let other = thread::spawn({
                let (a, object, met) = (a.clone(), object.clone(), met.clone());
                move || {
                    let _guard = object.acquire_interrupt_lock();
                    met.wait();
                    a.disable()
                }
            });
            let guard = a.acquire_interrupt_lock();
            met.wait();
            let_it_block();
            // The other is in a circle now, or is refused: either way this returns.
            drop(b);
            drop(guard);
            let _ = other.join().unwrap();
            until(|| object.state() == State::Ended);
        });
    }
}

/// A drop races with every other operation.
// Caught: an end that frees nothing.
#[test]
fn e6_dropped_under_load() {
    watchdog(|| {
        for round in 0..20 {
            let (source, assert) = Software::edge();
            let freed = Gate::new();
            let (owned, used) = (freed.clone(), freed.clone());
            let owned = OnDrop(move || owned.open());
            let interrupt = Interrupt::builder(0)
                .isr(move |cx| {
                    let _owned = &owned;
                    (0..2).for_each(|_| thread::yield_now());
                    assert!(!used.is_open(), "freed while it runs");
                    **cx += cx.assertions();
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .work_item(|work| drop(work.acquire_interrupt_lock()))
                .source(source)
                .build()
                .unwrap();
            let object = interrupt.object().clone();
            let stop = Gate::new();
            thread::scope(|scope| {
                let _stop = OnDrop(|| stop.open());
                for kind in 0..4 {
                    let (object, assert, stop) = (object.clone(), assert.clone(), stop.clone());
                    scope.spawn(move || {
                        while !stop.is_open() {
                            match kind {
                                0 => assert.assert(),
                                1 => drop(object.enable().and_then(|_| object.disable())),
                                2 => drop(object.service()),
                                _ => drop(object.queue_work_item()),
                            }
                        }
                    });
                }
                for _ in 0..round {
                    thread::yield_now();
                }
                drop(interrupt);
                assert!(freed.is_open(), "freed when drop returns");
                assert_eq!(object.state(), State::Ended);
            });
            assert!(object.fault().is_none(), "{:?}", object.fault());
            assert!(object.try_acquire_interrupt_lock_for(LONG).is_ok());
        }
    });
}
