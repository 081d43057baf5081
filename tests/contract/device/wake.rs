//! Rule E9: an interrupt that wakes its device.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use interrupt_lock::source::{EdgeHandle, LevelHandle, Software};
use interrupt_lock::{
    Claim, Delivery, Device, DeviceCallback, Dispatcher, ErrorKind, Interrupt, NoWorkItem, State, Transition,
};
use support::log::Log;
use support::slot::Slot;
use support::{Gate, kind, until, watchdog};

type Owned = Interrupt<u64, NoWorkItem>;

struct Rig {
    log: Log,
    device: Device,
    entry_fails: Arc<AtomicBool>,
    other_fails: Arc<AtomicBool>,
    wake: Owned,
    line: EdgeHandle,
    other: Owned,
}

/// A device with a wake-capable interrupt that is built after another one. So if it is served first, the order of
/// building is not the reason.
fn rig(attended: bool) -> Rig {
    let log = Log::new();
    let [entry, enabled, disabling, exit] = [(); 4].map(|()| log.clone());
    let [entry_fails, other_fails]: [Arc<AtomicBool>; 2] = Default::default();
    let fail = entry_fails.clone();
    let device = Device::builder("nic")
        .on_d0_entry(move || {
            entry.add("entry");
            if fail.load(SeqCst) { Err("no clock") } else { Ok(()) }
        })
        .on_interrupts_enabled(move || enabled.add("enabled"))
        .on_disabling_interrupts(move || disabling.add("disabling"))
        .on_d0_exit(move || exit.add("exit"))
        .build();
    let member = |name: &'static str, fails: Option<Arc<AtomicBool>>| {
        let [isr, enable, disable] = [(); 3].map(|()| log.clone());
        let (source, line) = Software::edge();
        let builder = Interrupt::builder(0)
            .name(name)
            .isr(move |cx| {
                let assertions = cx.assertions();
                **cx += assertions;
                isr.add(format!("!{name}"));
                Claim::Claimed
            })
            .on_enable(move |_| {
                enable.add(format!("+{name}"));
                if fails.as_ref().is_some_and(|fails| fails.load(SeqCst)) { Err("no clock") } else { Ok(()) }
            })
            .on_disable(move |_| disable.add(format!("-{name}")))
            .device(&device)
            .source(source);
        (if attended { builder } else { builder.without_dispatcher() }, line)
    };
    let (other, _) = member("other", Some(other_fails.clone()));
    let (wake, line) = member("wake", None);
    let other = other.build().unwrap();
    let wake = wake.wake_capable().build().unwrap();
    Rig { log, device, entry_fails, other_fails, wake, line, other }
}

impl Rig {
    fn assert(&self, attended: bool) {
        self.line.assert();
        if !attended {
            assert_eq!(self.wake.service(), Delivery::Withheld);
        }
    }
}

/// The interrupt sleeps without a callback. An assertion runs the D0-entry callback, then its ISR, then the others are
/// enabled.
// Caught: an exit that disables it; an assertion that wakes nobody; its ISR before the D0-entry callback; the others
// before its ISR.
#[test]
fn e9_the_order_of_a_wake_up() {
    watchdog(|| {
        for attended in [true, false] {
            let rig = rig(attended);
            rig.device.enter_d0().unwrap();
            assert_eq!(rig.log.take(), ["entry", "+other", "+wake", "enabled"]);
            for _ in 0..3 {
                rig.device.exit_d0().unwrap();
                assert_eq!(rig.log.take(), ["disabling", "-other", "exit"]);
                assert_eq!((rig.wake.state(), rig.other.state()), (State::Asleep, State::Disabled));
                rig.assert(attended);
                rig.log.wait_for("enabled", 1);
                assert_eq!(rig.log.take(), ["entry", "!wake", "+other", "enabled"]);
                // It comes back as soon as the transition is over.
                while rig.device.enter_d0().unwrap() != Transition::Already {}
                assert_eq!((rig.wake.state(), rig.other.state()), (State::Enabled, State::Enabled));
                assert!(rig.device.wake_error().is_none());
            }
            assert_eq!(*rig.wake.acquire_interrupt_lock(), 3);
        }
    });
}

/// Without an assertion the sleeping interrupt wakes with the others as the device enters D0, without a callback and
/// without an ISR.
// Caught: an ISR run for nothing; an entry that enables it again.
#[test]
fn e9_without_an_assertion() {
    let rig = rig(true);
    rig.device.enter_d0().unwrap();
    rig.device.exit_d0().unwrap();
    rig.log.take();
    rig.device.enter_d0().unwrap();
    assert_eq!(rig.log.take(), ["entry", "+other", "enabled"]);
    rig.line.assert();
    rig.log.wait_for("!wake", 1);
}

/// If the D0-entry callback fails, the ISR does not run, the device returns the error, and the assertion is kept.
// Caught: an ISR that runs all the same; an error that is not kept; an assertion that is dropped.
#[test]
fn e9_a_failing_entry() {
    watchdog(|| {
        let rig = rig(false);
        rig.device.enter_d0().unwrap();
        rig.device.exit_d0().unwrap();
        rig.log.take();
        rig.entry_fails.store(true, SeqCst);
        rig.assert(false);
        assert_eq!(rig.log.take(), ["entry"]);
        assert_eq!(rig.wake.state(), State::Asleep);
        let error = rig.device.wake_error().unwrap();
        assert!(matches!(error.kind(), ErrorKind::DeviceCallback { callback: DeviceCallback::D0Entry, .. }), "{error}");

        rig.entry_fails.store(false, SeqCst);
        rig.device.enter_d0().unwrap();
        assert_eq!(rig.log.take(), ["entry", "!wake", "+other", "enabled"]);
    });
}

/// If another interrupt can't be enabled, the entry is undone, and the interrupt sleeps again, ready to wake the
/// device.
// Caught: an undoing that disables it, or leaves it awake.
#[test]
fn e9_an_entry_that_fails_later_has_it_sleep_again() {
    watchdog(|| {
        let rig = rig(false);
        rig.device.enter_d0().unwrap();
        rig.device.exit_d0().unwrap();
        rig.log.take();
        rig.other_fails.store(true, SeqCst);
        rig.assert(false);
        assert_eq!(rig.log.take(), ["entry", "!wake", "+other", "exit"]);
        assert_eq!(rig.wake.state(), State::Asleep);
        assert!(matches!(rig.device.wake_error().unwrap().kind(), ErrorKind::EnableCallback(_)));
        rig.other_fails.store(false, SeqCst);
        rig.assert(false);
        assert_eq!(rig.log.take(), ["entry", "!wake", "+other", "enabled"]);
        assert!(rig.device.wake_error().is_none());
    });
}

/// An assertion while the device leaves D0 makes it enter D0 again: the wake-up is left to that transition.
// Caught: a wake-up that is left to nobody; one that waits for the transition that it is inside of.
#[test]
fn e9_asserted_on_the_way_down() {
    watchdog(|| {
        for attended in [true, false] {
            let log = Log::new();
            let slot: Slot<u64, NoWorkItem> = Slot::new();
            let (source, line): (_, LevelHandle) = Software::level();
            let [entry, isr] = [(); 2].map(|()| log.clone());
            let (theirs, asserts) = (slot.clone(), line.clone());
            let device = Device::builder("nic")
                .on_d0_entry(move || entry.add("entry"))
                .on_d0_exit(move || {
                    asserts.assert();
                    if attended {
                        // Taken, and the worker has been told.
                        until(|| theirs.get().stats().delivered != 0 || asserts_taken(&theirs));
                    } else {
                        assert_eq!(theirs.get().service(), Delivery::Withheld);
                    }
                })
                .build();
            let handle = line.clone();
            let builder = Interrupt::builder(0)
                .isr(move |_| {
                    handle.deassert();
                    isr.add("isr");
                    Claim::Claimed
                })
                .device(&device)
                .wake_capable()
                .source(source);
            let interrupt = if attended { builder.build() } else { builder.without_dispatcher().build() }.unwrap();
            slot.set(&interrupt);
            device.enter_d0().unwrap();
            device.exit_d0().unwrap();
            log.wait_for("isr", 1);
            assert_eq!(log.take(), ["entry", "entry", "isr"]);
        }
    });
}

/// Whether all assertions have been taken from the source, so that nothing is left to deliver.
fn asserts_taken(slot: &Slot<u64, NoWorkItem>) -> bool {
    slot.get().service() == Delivery::Nothing
}

/// While the device enters D0, the thread that waits on sources serves other interrupts (rule I16).
// Caught: a wake-up on the thread that waits on sources.
#[test]
fn e9_not_on_the_thread_that_waits_on_sources() {
    watchdog(|| {
        let (entered, go, log) = (Gate::new(), Gate::new(), Log::new());
        let slept = Arc::new(AtomicBool::new(false));
        let device = Device::builder("nic")
            .on_d0_entry({
                let (entered, go, slept) = (entered.clone(), go.clone(), slept.clone());
                move || {
                    if slept.load(SeqCst) {
                        entered.open();
                        go.wait();
                    }
                }
            })
            .build();
        let dispatcher = Dispatcher::new().unwrap();
        let build = |name: &'static str| {
            let log = log.clone();
            let (source, line) = Software::edge();
            let isr = move |_: &mut interrupt_lock::IsrContext<'_, (), NoWorkItem>| {
                log.add(name);
                Claim::Claimed
            };
            (Interrupt::builder(()).isr(isr).source(source).dispatcher(&dispatcher), line)
        };
        let ((wake, line), (other, others)) = (build("wake"), build("other"));
        let (_wake, other) = (wake.device(&device).wake_capable().build().unwrap(), other.build().unwrap());
        other.enable().unwrap();
        device.enter_d0().unwrap();
        device.exit_d0().unwrap();
        slept.store(true, SeqCst);
        line.assert();
        entered.wait();
        others.assert();
        log.wait_for("other", 1);
        assert!(!log.contains("wake"));
        go.open();
        log.wait_for("wake", 1);
    });
}

/// The driver has let the device enter D0 and leave it again before the worker sees the wake-up.
// Caught: a wake-up that is kept although its assertion has been served.
#[test]
fn e9_what_has_been_served_wakes_nobody() {
    watchdog(|| {
        let (busy, go, log) = (Gate::new(), Gate::new(), Log::new());
        let entry = log.clone();
        let device = Device::builder("nic").on_d0_entry(move || entry.add("entry")).build();
        let dispatcher = Dispatcher::new().unwrap();
        let wake = Interrupt::<u64, NoWorkItem>::builder(0)
            .isr(|count| {
                **count += 1;
                Claim::Claimed
            })
            .device(&device)
            .wake_capable()
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let other = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item({
                let (busy, go, log) = (busy.clone(), go.clone(), log.clone());
                move |_| {
                    busy.open();
                    go.wait();
                    log.add("work");
                }
            })
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        other.enable().unwrap();
        device.enter_d0().unwrap();
        device.exit_d0().unwrap();

        other.queue_work_item();
        busy.wait(); // the worker
        assert_eq!(wake.service(), Delivery::Withheld);
        device.enter_d0().unwrap();
        assert_eq!(*wake.acquire_interrupt_lock(), 1);
        device.exit_d0().unwrap();
        go.open();
        log.wait_for("work", 1);
        other.queue_work_item(); // behind the wake-up
        log.wait_for("work", 2);
        assert_eq!((wake.state(), log.count("entry")), (State::Asleep, 2));
    });
}

/// A disable in low power disconnects the interrupt, with its disable callback and without an ISR. It can't wake the
/// device any more.
// Caught: an ISR as it is disabled; a sleep that is kept beyond the disable.
#[test]
fn e9_disabled_in_low_power() {
    watchdog(|| {
        let rig = rig(false);
        rig.device.enter_d0().unwrap();
        rig.device.exit_d0().unwrap();
        rig.log.take();
        rig.line.assert();
        assert_eq!(rig.wake.disable().unwrap(), Transition::Done);
        assert_eq!(rig.log.take(), ["-wake"]);
        assert_eq!(rig.wake.stats().stale, 1);
        assert_eq!(rig.device.exit_d0().unwrap(), Transition::Already);
        rig.wake.enable().unwrap();
        assert_eq!(rig.wake.state(), State::Enabled);
    });
}

/// An interrupt that the driver has disabled does not wake the device.
// Caught: a sleep of what is not connected.
#[test]
fn e9_disabled_before() {
    let rig = rig(false);
    rig.device.enter_d0().unwrap();
    rig.wake.disable().unwrap();
    rig.device.exit_d0().unwrap();
    assert_eq!(rig.wake.state(), State::Disabled);
    rig.wake.enable().unwrap();
    assert_eq!(rig.wake.state(), State::Enabled);
}

/// An inactive interrupt does not wake the device. Once it is active again, it does so for what was asserted meanwhile.
// Caught: no look whether it is inactive; becoming active without a look whether it is asleep.
#[test]
fn e9_inactive() {
    watchdog(|| {
        let rig = rig(false);
        rig.device.enter_d0().unwrap();
        rig.wake.report_inactive().unwrap();
        rig.device.exit_d0().unwrap();
        rig.log.take();
        rig.assert(false);
        assert!(rig.log.take().is_empty());
        rig.wake.report_active().unwrap();
        assert_eq!(rig.log.take(), ["entry", "!wake", "+other", "enabled"]);
    });
}

/// An interrupt that is dropped asleep ends, asserted or not, and does not wake the device.
// Caught: (a wake-up that is waited for by who drops it hangs.)
#[test]
fn e6_dropped_asleep() {
    watchdog(|| {
        for asserted in [false, true] {
            let Rig { log, device, wake, line, other: _other, .. } = rig(true);
            device.enter_d0().unwrap();
            device.exit_d0().unwrap();
            if asserted {
                line.assert();
            }
            drop(wake);
            drop(line);
            assert!(log.contains("-wake"));
            assert_eq!(device.stats().len(), 1);
        }
    });
}

// Caught: no look for a device as it is built.
#[test]
fn e9_needs_a_device() {
    let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).wake_capable().build();
    assert!(matches!(kind(&refused), Some(ErrorKind::NoDevice)));
}
