//! Rule W5: the device's callback lock, and what runs under it. Rules E4 and E6, where that lock is concerned.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Callback, Claim, Device, Error, ErrorKind, Fault, Interrupt, State, Transition, WithWorkItem};
use support::log::Log;
use support::slot::{OnDrop, Slot};
use support::{Gate, kind, let_it_block, panic_message, pause, step, until, watchdog};

/// An interrupt with a serialized work item, which its ISR queues.
fn serialized(device: &Device, mut work: impl FnMut() + Send + 'static) -> Interrupt<(), WithWorkItem> {
    let (source, _) = Software::edge();
    Interrupt::builder(())
        .isr(|cx| {
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(move |_| work())
        .source(source)
        .device(device)
        .automatic_serialization()
        .build()
        .unwrap()
}

#[track_caller]
fn refused<R: std::fmt::Debug>(answer: Result<R, Error>) {
    assert!(matches!(kind(&answer), Some(ErrorKind::WouldDeadlock { .. })), "{answer:?}");
}

/// Work items of two interrupts, the device's callbacks and its sections never overlap.
// Caught: a work item that does not run under the lock; a device's callback that does not.
#[test]
fn w5_what_runs_under_the_lock_never_overlaps() {
    watchdog(|| {
        let (inside, overlaps) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let section = {
            let (inside, overlaps) = (inside.clone(), overlaps.clone());
            move || {
                if inside.fetch_add(1, SeqCst) != 0 {
                    overlaps.fetch_add(1, SeqCst);
                }
                step();
                inside.fetch_sub(1, SeqCst);
            }
        };
        let device = Device::builder("nic")
            .on_d0_entry(section.clone())
            .on_interrupts_enabled(section.clone())
            .on_disabling_interrupts(section.clone())
            .on_d0_exit(section.clone())
            .build();
        let all = [(); 2].map(|()| serialized(&device, section.clone()));
        device.enter_d0().unwrap();
        thread::scope(|scope| {
            for interrupt in &all {
                scope.spawn(|| (0..300).for_each(|_| _ = interrupt.queue_work_item()));
            }
            scope.spawn(|| (0..300).for_each(|_| device.synchronize(&section)));
            scope.spawn(|| {
                (0..50).for_each(|_| {
                    device.exit_d0().unwrap();
                    device.enter_d0().unwrap();
                });
            });
        });
        device.exit_d0().unwrap();
        assert_eq!(overlaps.load(SeqCst), 0);
        assert!(all.iter().all(|interrupt| interrupt.stats().faults == 0));
    });
}

/// During a section of the callback lock the work item waits. The ISR and the enable and disable callbacks do not.
// Caught: a work item that does not run under the lock; an ISR, or an enable or disable callback, that does.
#[test]
fn w5_only_the_work_item_waits() {
    watchdog(|| {
        let log = Log::new();
        let device = Device::builder("nic").build();
        let [isr, enable, disable, work] = [(); 4].map(|()| log.clone());
        let (source, assert) = Software::edge();
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                isr.add("isr");
                cx.queue_work_item();
                Claim::Claimed
            })
            .on_enable(move |_| enable.add("enable callback"))
            .on_disable(move |_| disable.add("disable callback"))
            .work_item(move |_| work.add("work item"))
            .source(source)
            .device(&device)
            .automatic_serialization()
            .build()
            .unwrap();
        let (held, release) = (Gate::new(), Gate::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                device.synchronize(|| {
                    held.open();
                    release.wait();
                });
            });
            held.wait();
            interrupt.enable().unwrap();
            interrupt.disable().unwrap();
            interrupt.enable().unwrap();
            assert.assert();
            log.wait_for("isr", 1);
            let_it_block();
            assert_eq!(log.count("disable callback"), 1);
            assert!(!log.contains("work item"));
            release.open();
            log.wait_for("work item", 1);
        });
    });
}

/// A work item that is not serialized runs beside the device's sections, and nothing is refused in them.
// Caught: every work item under the lock.
#[test]
fn w5_only_where_it_is_asked_for() {
    watchdog(|| {
        let log = Log::new();
        let device = Device::builder("nic").build();
        let work = log.clone();
        let (source, _) = Software::edge();
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item(move |_| work.add("work item"))
            .source(source)
            .device(&device)
            .build()
            .unwrap();
        device.synchronize(|| {
            interrupt.enable().unwrap();
            interrupt.queue_work_item();
            log.wait_for("work item", 1);
            assert_eq!(interrupt.disable().unwrap(), Transition::Done);
        });
    });
}

// Caught: no look for a device as it is built.
#[test]
fn w5_needs_a_device() {
    let (source, _) = Software::edge();
    let refused = Interrupt::builder(())
        .name("edu0")
        .isr(|_| Claim::Claimed)
        .work_item(|_| ())
        .source(source)
        .automatic_serialization()
        .build();
    assert_eq!(refused.unwrap_err().to_string(), "edu0: `automatic_serialization` and `wake_capable` need a `device`");
}

/// Acquiring the callback lock where it would wait for itself panics.
// Caught: no look at who holds the lock (it hangs); no look whether this is an ISR.
#[test]
fn w5_recursion_and_isrs_are_noticed() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let said = panic_message(|| device.synchronize(|| device.synchronize(|| ())));
        assert!(said.contains("nic") && said.contains("held"), "{said}");
        // The panic has released it.
        device.synchronize(|| ());

        let theirs = device.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                theirs.synchronize(|| ());
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        assert!(matches!(interrupt.fault(), Some(Fault::Panicked { callback: Callback::Isr, .. })));
    });
}

/// Enabling and disabling are refused while the thread holds the callback lock: in a section, in a callback of the
/// device, in another interrupt's work item.
// Caught: the callback lock left out both of what a transition waits for and of the caller's own sections. (Left out of
// the first alone, the second still refuses it.)
#[test]
fn e4_while_holding_the_callback_lock_that_its_work_item_needs() {
    watchdog(|| {
        let (target, tried) = (Slot::new(), Arc::new(AtomicUsize::new(0)));
        let attempt = {
            let (target, tried): (Slot<(), WithWorkItem>, _) = (target.clone(), tried.clone());
            move || {
                refused(target.get().disable());
                refused(target.get().enable());
                refused(target.get().report_inactive());
                tried.fetch_add(1, SeqCst);
            }
        };
        let device = Device::builder("nic").on_interrupts_enabled(attempt.clone()).build();
        let object = serialized(&device, || ());
        target.set(&object);
        let other = serialized(&device, attempt.clone());
        device.enter_d0().unwrap();
        object.queue_work_item();
        device.synchronize(&attempt);
        other.queue_work_item();
        other.disable().unwrap();
        assert_eq!(tried.load(SeqCst), 3);
        assert_eq!(object.state(), State::Enabled, "nothing has been done");
        assert_eq!(object.disable().unwrap(), Transition::Done);
        assert_eq!((object.stats().work_run, object.stats().faults, other.stats().faults), (1, 0, 0));
    });
}

/// Two threads each hold the callback lock that the other's work item needs. One of them is refused.
// Caught: the callback lock left out of what a transition waits for.
#[test]
fn e4_a_circle_of_callback_locks_is_refused() {
    watchdog(|| {
        let devices = [Device::builder("a").build(), Device::builder("b").build()];
        let barrier = Arc::new(Barrier::new(2));
        let interrupts = devices.each_ref().map(|device| Arc::new(serialized(device, || ())));
        let answers = [0, 1].map(|n| {
            let (mine, theirs, barrier) = (devices[n].clone(), interrupts[1 - n].clone(), barrier.clone());
            theirs.enable().unwrap();
            theirs.queue_work_item();
            thread::spawn(move || {
                mine.synchronize(|| {
                    barrier.wait();
                    theirs.queue_work_item();
                    theirs.disable().map(|_| ())
                })
            })
        });
        let answers = answers.map(|thread| thread.join().unwrap());
        assert!(
            answers.iter().flat_map(|a| a.as_ref().err()).all(|e| matches!(e.kind(), ErrorKind::WouldDeadlock { .. }))
        );
        let refused = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(refused, 1, "one is refused, and nobody innocent: {answers:?}");
    });
}

/// A wait for the callback lock that would close a circle panics. Here that is a failure of the device's callback.
// Caught: a register of waits that finds no circle (it hangs).
#[test]
fn e4_a_wait_for_the_callback_lock_is_part_of_circles() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let (inside, held) = (Gate::new(), Gate::new());
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .on_enable({
                    let (device, inside, held) = (device.clone(), inside.clone(), held.clone());
                    move |_| {
                        inside.open();
                        held.wait();
                        device.synchronize(|| ());
                    }
                })
                .build()
                .unwrap(),
        );
        let enabling = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.enable()
        });
        inside.wait();
        let disabled = device.synchronize(|| {
            held.open();
            let_it_block();
            interrupt.disable()
        });
        let enabled = enabling.join().unwrap();
        let disable_refused = matches!(kind(&disabled), Some(ErrorKind::WouldDeadlock { .. }));
        let enable_refused = matches!(kind(&enabled), Some(ErrorKind::Faulted(_)));
        assert!(disable_refused != enable_refused, "{disabled:?} {enabled:?}");
    });
}

/// A thread that holds the callback lock drops the interrupt. It ends as soon as the lock is released, after its queued
/// work item has run.
// Caught: an end that is left to nobody; a release that does not look for it.
#[test]
fn e6_dropped_with_the_callback_lock_held() {
    watchdog(|| {
        let log = Log::new();
        let work = log.clone();
        let device = Device::builder("nic").build();
        let interrupt = serialized(&device, move || work.add("work item"));
        interrupt.enable().unwrap();
        let object = Arc::downgrade(interrupt.object());
        device.synchronize(|| {
            interrupt.queue_work_item();
            drop(interrupt);
            assert_eq!(object.upgrade().unwrap().state(), State::Enabled);
            assert!(!log.contains("work item"));
        });
        // A worker that has begun the run by then ends the interrupt as that run ends. (If nobody did: the watchdog.)
        until(|| object.upgrade().is_none());
        assert_eq!(log.take(), ["work item"]);
    });
}

/// A thread drops the interrupt while another thread holds the callback lock. The end waits, and leaves nothing behind.
// Caught: an end that is left to the release of the callback lock wherever another thread holds that.
#[test]
fn e6_dropped_while_another_thread_holds_the_callback_lock() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let _stop = OnDrop(|| stop.store(true, SeqCst));
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    device.synchronize(pause);
                }
            });
            for _ in 0..100 {
                step();
                let interrupt = serialized(&device, || ());
                interrupt.enable().unwrap();
                interrupt.queue_work_item();
                let object = interrupt.object().clone();
                drop(interrupt);
                assert_eq!(object.state(), State::Ended);
            }
        });
        assert!(device.stats().is_empty());
    });
}

/// A thread drops the interrupt with its interrupt lock held, while another thread holds the callback lock. The
/// interrupt ends at the release of its own lock, and the callback lock keeps no reference to it.
// Caught: one that has ended elsewhere and is kept for the release of the callback lock.
#[test]
fn e6_the_callback_lock_keeps_nothing_that_has_ended() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let (inside, go) = (Gate::new(), Gate::new());
        let interrupt = serialized(&device, || ());
        interrupt.enable().unwrap();
        let (object, left) = (Arc::clone(interrupt.object()), Arc::downgrade(interrupt.object()));
        thread::scope(|scope| {
            scope.spawn(|| {
                device.synchronize(|| {
                    inside.open();
                    go.wait();
                });
            });
            inside.wait();
            let held = object.acquire_interrupt_lock();
            drop(interrupt);
            assert_ne!(object.state(), State::Ended);
            drop(held);
            assert_eq!(object.state(), State::Ended);
            drop(object);
            // Its threads go with it, and they may keep it for a moment.
            until(|| left.strong_count() == 0);
            go.open();
        });
    });
}
