//! Rule L13 where transitions and ends wait: they are part of circles, too, and an end gives way.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Device, ErrorKind, Interrupt, NoWorkItem, State, Transition, WithWorkItem};
use support::{Gate, asleep, kind, until, watchdog};

use crate::lock::circles::{lock, would_deadlock};

/// A thread that holds a lock drops the handle of an interrupt whose worker waits for that lock. The join is called off:
/// nobody is refused, and nothing hangs.
// Caught: a join that waits unregistered (it hangs); one that refuses the worker.
#[test]
fn l13_e6_a_join_of_a_worker_that_waits_for_the_caller() {
    watchdog(|| {
        let data = lock("data");
        let (begun, theirs) = (Gate::new(), data.clone());
        let (signal, done) = (begun.clone(), Arc::new(AtomicBool::new(false)));
        let (source, line) = Software::edge();
        let finished = done.clone();
        let interrupt = Interrupt::builder(())
            .isr(|cx| {
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |_| {
                signal.open();
                *theirs.acquire_interrupt_lock() += 1;
                finished.store(true, SeqCst);
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let object = interrupt.object().clone();
        let held = data.acquire_interrupt_lock();
        line.assert();
        begun.wait();
        drop(interrupt);
        drop(held);
        until(|| object.state() == State::Ended);
        assert!(done.load(SeqCst), "the end has waited for the work item");
        assert_eq!(object.fault(), None);
    });
}

/// A thread that holds a lock drops a handle, and its end waits for the callback lock. The owner of the callback lock then
/// waits for the first lock. The drop gives way: the end is put off, and nobody is refused.
// Caught: an end whose wait for the callback lock can't be called off.
#[test]
fn l13_e6_a_drop_gives_way_to_a_wait() {
    watchdog(|| {
        let (data, device) = (lock("data"), Device::builder("nic").build());
        let ran = Arc::new(AtomicU32::new(0));
        let runs = ran.clone();
        let interrupt = Interrupt::builder(())
            .name("dropped")
            .isr(|_| Claim::Claimed)
            .work_item(move |_| _ = runs.fetch_add(1, SeqCst))
            .device(&device)
            .automatic_serialization()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let object = interrupt.object().clone();
        let (inside, go) = (Gate::new(), Gate::new());
        let owner = thread::spawn({
            let (device, data, inside, go) = (device.clone(), data.clone(), inside.clone(), go.clone());
            move || {
                device.synchronize(|| {
                    inside.open();
                    go.wait();
                    *data.acquire_interrupt_lock() += 1;
                });
            }
        });
        inside.wait();
        let drops = asleep("drops", {
            let data = data.clone();
            move || {
                let _held = data.acquire_interrupt_lock();
                drop(interrupt);
            }
        });
        go.open();
        owner.join().unwrap();
        drops.join().unwrap();
        support::until(|| object.state() == State::Ended);
        assert_eq!((*data.acquire_interrupt_lock(), ran.load(SeqCst), object.fault()), (1, 1, None));
    });
}

/// Two interrupts that share a lock, and a third. One thread holds the shared lock and disables the third; in the third's
/// enable callback another thread drops one of the two. Nothing hangs, and the dropped one ends.
// Caught: an end whose waits are unregistered.
#[test]
fn l13_e6_a_drop_in_a_callback_whose_lock_is_wanted() {
    watchdog(|| {
        let shared = lock("shared");
        let share = |name: &'static str| {
            let interrupt = Interrupt::<_, WithWorkItem>::builder_sharing(&shared).name(name);
            let interrupt = interrupt.isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
            interrupt.enable().unwrap();
            interrupt
        };
        let (holder, dropped) = (share("holder"), share("dropped"));
        let object = dropped.object().clone();
        let (in_callback, go) = (Gate::new(), Gate::new());
        let (begun, may_go, mut dropped) = (in_callback.clone(), go.clone(), Some(dropped));
        let third: Arc<Interrupt<(), NoWorkItem>> = Arc::new(
            Interrupt::builder(())
                .name("third")
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| {
                    begun.open();
                    may_go.wait();
                    drop(dropped.take());
                })
                .build()
                .unwrap(),
        );
        let enables = thread::spawn({
            let third = third.clone();
            move || third.enable()
        });
        in_callback.wait();
        let disables = asleep("disables", {
            let third = third.clone();
            move || {
                let _held = holder.acquire_interrupt_lock();
                third.disable()
            }
        });
        go.open();
        assert_eq!(enables.join().unwrap().unwrap(), Transition::Done);
        assert_eq!(disables.join().unwrap().unwrap(), Transition::Done);
        until(|| object.state() == State::Ended);
    });
}

/// A wait that would have ended is refused to nobody: a work item is queued, a disable callback enters D0, and another
/// interrupt's work item disables meanwhile.
// Caught: waits that are announced before they begin.
#[test]
fn l13_w5_waits_that_only_might_be_refuse_nobody() {
    watchdog(|| {
        let device = Device::builder("nic").build();
        let (in_callback, go) = (Gate::new(), Gate::new());
        let (begun, may_go, theirs) = (in_callback.clone(), go.clone(), device.clone());
        let ran = Arc::new(AtomicU32::new(0));
        let count = ran.clone();
        let victim = Interrupt::builder(())
            .name("victim")
            .isr(|_| Claim::Claimed)
            .work_item(move |_| _ = count.fetch_add(1, SeqCst))
            .device(&device)
            .automatic_serialization()
            .build()
            .unwrap();
        let entered = Arc::new(Mutex::new(None));
        let answer = entered.clone();
        let other: Arc<Interrupt<(), NoWorkItem>> = Arc::new(
            Interrupt::builder(())
                .name("other")
                .isr(|_| Claim::Claimed)
                .on_disable(move |_| {
                    begun.open();
                    may_go.wait();
                    *answer.lock().unwrap() = Some(theirs.enter_d0().map(|entry| entry.transition()));
                })
                .build()
                .unwrap(),
        );
        victim.enable().unwrap();
        other.enable().unwrap();
        victim.queue_work_item();
        let disables = thread::spawn({
            let other = other.clone();
            move || other.disable()
        });
        in_callback.wait();
        let (sender, result) = mpsc::channel();
        let object = victim.object().clone();
        let victims = thread::spawn(move || sender.send(object.disable()).unwrap());
        assert_eq!(result.recv().unwrap().unwrap(), Transition::Done);
        assert_eq!((ran.load(SeqCst), victim.fault()), (1, None));
        go.open();
        disables.join().unwrap().unwrap();
        victims.join().unwrap();
        assert_eq!(entered.lock().unwrap().take().unwrap().unwrap(), Transition::Done);
    });
}

/// A thread that waits in a transition is part of circles, too: its callback's lock is what others wait for.
// Caught: a control lock that is waited for unregistered.
#[test]
fn l13_e4_a_transition_in_a_circle() {
    watchdog(|| {
        let data = lock("data");
        let (in_callback, go) = (Gate::new(), Gate::new());
        let (begun, may_go, theirs) = (in_callback.clone(), go.clone(), data.clone());
        let interrupt: Arc<Interrupt<(), NoWorkItem>> = Arc::new(
            Interrupt::builder(())
                .name("uart")
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| {
                    begun.open();
                    may_go.wait();
                    *theirs.acquire_interrupt_lock() += 1;
                })
                .build()
                .unwrap(),
        );
        let held = data.acquire_interrupt_lock();
        let enables = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.enable()
        });
        in_callback.wait();
        go.open();
        // The enable callback waits for `data`, or is about to. Whichever comes last is told.
        let answer = interrupt.disable();
        drop(held);
        let enabled = enables.join().unwrap();
        assert!(
            would_deadlock(&answer) != matches!(kind(&enabled), Some(ErrorKind::Faulted(_))),
            "{answer:?} {enabled:?}"
        );
    });
}
