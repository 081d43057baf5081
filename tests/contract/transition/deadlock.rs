//! Rule E4: a transition that would wait for itself is refused at once.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{
    Claim, Error, ErrorKind, Interrupt, InterruptObject, NoWorkItem, State, Transition, WithWorkItem,
};
use support::slot::Slot;
use support::{Gate, kind, let_it_block, receive, watchdog};

#[track_caller]
fn refused<R: std::fmt::Debug>(answer: Result<R, Error>) {
    assert!(matches!(kind(&answer), Some(ErrorKind::WouldDeadlock { .. })), "{answer:?}");
}

#[track_caller]
fn all_refused<T, W>(object: &InterruptObject<T, W>) {
    refused(object.enable());
    refused(object.disable());
    refused(object.clear_fault());
}

// Caught: no look at who holds the interrupt lock, nor among the waits.
#[test]
fn e4_while_holding_its_lock() {
    watchdog(|| {
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
        let guard = interrupt.acquire_interrupt_lock();
        all_refused(&interrupt);
        drop(guard);
        interrupt.enable().unwrap();
        interrupt.synchronize(|()| all_refused(&interrupt));
        assert_eq!(interrupt.state(), State::Enabled, "nothing has been done");
        assert_eq!(interrupt.disable().unwrap(), Transition::Done);
    });
}

/// A transition is refused in the interrupt's own ISR, callbacks and work item, on whatever thread they run.
// Caught: no look at what the caller holds, nor among the waits; the interrupt lock left out of both.
#[test]
fn e4_from_its_own_callbacks() {
    for attended in [true, false] {
        watchdog(move || {
            let slot: Slot<(), WithWorkItem> = Slot::new();
            let (sender, receiver) = channel();
            let look = |name: &'static str| {
                let (slot, sender): (_, Sender<_>) = (slot.clone(), sender.clone());
                move || {
                    let object = slot.get();
                    let refusals = [object.enable(), object.disable()];
                    let both =
                        refusals.iter().all(|refusal| matches!(kind(refusal), Some(ErrorKind::WouldDeadlock { .. })));
                    sender.send((name, both)).unwrap();
                }
            };
            let [isr, enable, disable, removal, work] = ["isr", "enable", "disable", "removal", "work item"].map(look);
            let (source, device) = Software::edge();
            let builder = Interrupt::builder(())
                .isr(move |cx| {
                    isr();
                    cx.queue_work_item();
                    Claim::Claimed
                })
                .on_enable(move |_| enable())
                .on_disable(move |_| disable())
                .on_removal(move |_| removal())
                .work_item(move |_| work())
                .source(source);
            let interrupt = match attended {
                true => builder.build(),
                false => builder.without_dispatcher().build(),
            }
            .unwrap();
            slot.set(&interrupt);
            let expect = |name| assert_eq!(receive(&receiver), (name, true));
            interrupt.enable().unwrap();
            expect("enable");
            device.assert();
            if !attended {
                interrupt.service();
                let _ = interrupt.run_work_item();
            }
            expect("isr");
            expect("work item");
            interrupt.queue_work_item();
            interrupt.disable().unwrap();
            // The work item on the disabling thread, or before that on the worker, which may be faster.
            let mut both = [(); 2].map(|()| receive(&receiver));
            both.sort_by_key(|(name, _)| *name == "work item");
            assert_eq!(both, [("disable", true), ("work item", true)]);
            interrupt.enable().unwrap();
            expect("enable");
            device.remove();
            if !attended {
                interrupt.service();
            }
            expect("removal");
        });
    }
}

/// A transition is refused in any ISR: it might wait for a work item or a callback that needs the lock which the ISR
/// holds.
// Caught: no look whether this is an ISR; a panicking ISR that is never left.
#[test]
fn e4_from_the_isr_of_another() {
    watchdog(|| {
        let other = Arc::new(Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
        let theirs = other.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                all_refused(&theirs);
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.service();
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        // A panic in an ISR is no ISR any more.
        let panicking = Interrupt::builder(()).isr(|_| panic!("on purpose")).build().unwrap();
        panicking.enable().unwrap();
        panicking.service();
        assert_eq!(other.enable().unwrap(), Transition::Done);
        assert_eq!(other.disable().unwrap(), Transition::Done);
    });
}

/// A transition in the callbacks and the work item of another interrupt does not wait for itself.
// Caught: a refusal wherever any lock of an interrupt is held.
#[test]
fn e4_from_the_callbacks_of_another_it_is_allowed() {
    watchdog(|| {
        let other = Arc::new(Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
        let (enable, disable, work) = (other.clone(), other.clone(), other.clone());
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .on_enable(move |_| enable.enable().map(drop))
            .on_disable(move |_| disable.disable().map(drop))
            .work_item(move |_| assert_eq!(work.disable().unwrap(), Transition::Done))
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        assert_eq!(other.state(), State::Enabled);
        interrupt.disable().unwrap();
        assert_eq!(other.state(), State::Disabled);
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let _ = interrupt.run_work_item();
        assert_eq!(other.state(), State::Disabled);
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
    });
}

/// Two callbacks disable each other's interrupt. One of the two is refused, and both transitions end.
// Caught: a register of waits that finds no circle.
#[test]
fn e4_two_callbacks_that_disable_each_other() {
    for _ in 0..50 {
        watchdog(|| {
            let slots: [Slot<(), NoWorkItem>; 2] = [Slot::new(), Slot::new()];
            let (sender, receiver) = channel();
            let met = Arc::new(Barrier::new(2));
            let build = |own: usize| {
                let (other, sender, met) = (slots[1 - own].clone(), sender.clone(), met.clone());
                let interrupt = Interrupt::builder(())
                    .isr(|_| Claim::Claimed)
                    .on_disable(move |_| {
                        let other = other.get();
                        met.wait();
                        sender.send(other.disable()).unwrap();
                    })
                    .build()
                    .unwrap();
                slots[own].set(&interrupt);
                interrupt.enable().unwrap();
                interrupt
            };
            let interrupts = [build(0), build(1)];
            thread::scope(|scope| {
                for interrupt in &interrupts {
                    scope.spawn(|| interrupt.disable().unwrap());
                }
            });
            let answers = [receiver.recv().unwrap(), receiver.recv().unwrap()];
            let refusals =
                answers.iter().filter(|answer| matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))).count();
            assert_eq!(refusals, 1, "{answers:?}");
            assert!(interrupts.iter().all(|interrupt| interrupt.state() == State::Disabled));
        });
    }
}

/// The same with three interrupts, and with work items.
// Caught: a register of waits that finds no circle; a walk that does not go beyond the first owner.
#[test]
fn e4_longer_circles_through_work_items() {
    for _ in 0..50 {
        watchdog(|| {
            const N: usize = 3;
            let slots: [Slot<(), WithWorkItem>; N] = [(); N].map(|()| Slot::new());
            let (sender, receiver) = channel();
            let met = Arc::new(Barrier::new(N));
            let interrupts: Vec<_> = (0..N)
                .map(|own| {
                    let (next, sender, met) = (slots[(own + 1) % N].clone(), sender.clone(), met.clone());
                    let interrupt = Interrupt::builder(())
                        .isr(|_| Claim::Claimed)
                        .work_item(move |_| {
                            let next = next.get();
                            met.wait();
                            sender.send(next.disable()).unwrap();
                        })
                        .build()
                        .unwrap();
                    slots[own].set(&interrupt);
                    interrupt.enable().unwrap();
                    interrupt.queue_work_item();
                    interrupt
                })
                .collect();
            thread::scope(|scope| {
                for interrupt in &interrupts {
                    scope.spawn(|| {
                        let _ = interrupt.run_work_item();
                    });
                }
            });
            let answers: Vec<_> = (0..N).map(|_| receiver.recv().unwrap()).collect();
            let refusals =
                answers.iter().filter(|answer| matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))).count();
            assert_eq!(refusals, 1, "{answers:?}");
        });
    }
}

/// One thread holds a lock and disables the other interrupt; a second thread does the reverse.
// Caught: a register of waits that finds no circle.
#[test]
fn e4_holding_one_lock_and_disabling_the_other() {
    for _ in 0..50 {
        watchdog(|| {
            let build = || Arc::new(Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
            let interrupts: [Arc<Interrupt<(), NoWorkItem>>; 2] = [build(), build()];
            let met = Arc::new(Barrier::new(2));
            let threads = [0, 1].map(|own| {
                let (interrupts, met) = (interrupts.clone(), met.clone());
                interrupts[own].enable().unwrap();
                thread::spawn(move || {
                    let _guard = interrupts[own].acquire_interrupt_lock();
                    met.wait();
                    interrupts[1 - own].disable()
                })
            });
            let answers = threads.map(|thread| thread.join().unwrap());
            let refusals =
                answers.iter().filter(|answer| matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))).count();
            assert_eq!(refusals, 1, "{answers:?}");
        });
    }
}

/// A wait that will end is no deadlock.
// Caught: a refusal of every thread that finds the control lock held.
#[test]
fn e4_a_wait_that_ends_is_no_deadlock() {
    watchdog(|| {
        let (entered, go) = (Gate::new(), Gate::new());
        let callback = (entered.clone(), go.clone());
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .on_enable(move |_| {
                    callback.0.open();
                    callback.1.wait();
                })
                .build()
                .unwrap(),
        );
        let [enabling, disabling] = [(); 2].map(|()| interrupt.clone());
        let enabling = thread::spawn(move || enabling.enable());
        entered.wait();
        let disabling = thread::spawn(move || disabling.disable());
        let_it_block();
        go.open();
        assert_eq!(enabling.join().unwrap().unwrap(), Transition::Done);
        assert_eq!(disabling.join().unwrap().unwrap(), Transition::Done);
    });
}
