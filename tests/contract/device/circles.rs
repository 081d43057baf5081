//! Rule L13 where a device waits for its callback lock: an exit from D0 that is refused, and what follows it.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use interrupt_lock::source::Software;
use interrupt_lock::{
    Claim, Delivery, Device, Error, ErrorKind, Interrupt, InterruptLock, NoWorkItem, State, Transition,
};
use support::log::Log;
use support::{asleep, kind, watchdog};

type Data = Arc<InterruptLock<u32>>;

/// A device that logs its callbacks.
fn logged(log: &Log) -> Device {
    let [entry, disabling, exit] = [(); 3].map(|()| log.clone());
    Device::builder("nic")
        .on_d0_entry(move || entry.add("entry"))
        .on_disabling_interrupts(move || disabling.add("disabling"))
        .on_d0_exit(move || exit.add("exit"))
        .build()
}

/// Takes the callback lock on a thread that then sleeps, because it waits for `data`.
fn takes_callback_lock(device: &Device, data: &Data) -> JoinHandle<()> {
    let (device, data) = (device.clone(), data.clone());
    asleep("owner", move || device.synchronize(|| *data.acquire_interrupt_lock() += 1))
}

#[track_caller]
fn would_deadlock(answer: &Result<Transition, Error>) {
    assert!(matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. })), "{answer:?}");
}

/// An exit whose first step is refused does nothing. Called again, it makes every step once.
// Caught: an exit that disables the interrupts although it was refused.
#[test]
fn l13_e5_an_exit_that_is_refused_at_once() {
    watchdog(|| {
        let log = Log::new();
        let (device, data) = (logged(&log), Data::default());
        let disables = log.clone();
        let interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .device(&device)
            .isr(|_| Claim::Claimed)
            .on_disable(move |_| disables.add("-pad"))
            .build()
            .unwrap();
        device.enter_d0().unwrap();
        assert_eq!(log.take(), ["entry"]);
        let held = data.acquire_interrupt_lock();
        let owner = takes_callback_lock(&device, &data);
        would_deadlock(&device.exit_d0());
        assert_eq!((interrupt.state(), log.take().len()), (State::Enabled, 0));
        assert_eq!(device.enter_d0().unwrap(), Transition::Already);
        drop(held);
        owner.join().unwrap();
        assert_eq!(device.exit_d0().unwrap(), Transition::Done);
        assert_eq!(log.take(), ["disabling", "-pad", "exit"]);
    });
}

/// An exit is refused at its last step, and the driver enters D0 again: the exit is finished first, and what a sleeping
/// interrupt has withheld reaches its ISR.
// Caught: an entry that says "already"; one that disables the sleeping interrupt, which loses the assertion.
#[test]
fn l13_e5_e9_an_entry_after_an_exit_that_was_refused_half_way() {
    watchdog(|| {
        let log = Log::new();
        let (device, data) = (logged(&log), Data::default());
        let (owners, owner) = mpsc::channel();
        let mut first = Some((owners, device.clone(), data.clone()));
        let pad: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .device(&device)
            .isr(|_| Claim::Claimed)
            // The callback lock is taken after the first step of the exit, and before its last.
            .on_disable(move |_| {
                if let Some((owners, device, data)) = first.take() {
                    owners.send(takes_callback_lock(&device, &data)).unwrap();
                }
            })
            .build()
            .unwrap();
        let (source, line) = Software::edge();
        let served = log.clone();
        let button: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .device(&device)
            .isr(move |_| {
                served.add("!button");
                Claim::Claimed
            })
            .source(source)
            .without_dispatcher()
            .wake_capable()
            .build()
            .unwrap();
        device.enter_d0().unwrap();
        log.take();
        let held = data.acquire_interrupt_lock();
        would_deadlock(&device.exit_d0());
        line.assert();
        assert_eq!(button.service(), Delivery::Withheld);
        drop(held);
        owner.recv().unwrap().join().unwrap();
        assert_eq!(device.enter_d0().unwrap(), Transition::Done);
        assert_eq!(log.take(), ["disabling", "exit", "entry", "!button"]);
        assert_eq!((pad.state(), button.state()), (State::Enabled, State::Enabled));
    });
}
