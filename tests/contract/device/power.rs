//! Rules E5 and P4: a device brings its interrupts up and down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use interrupt_lock::{
    Claim, Device, DeviceBuilder, DeviceCallback, Error, ErrorKind, Interrupt, NoWorkItem, SourceError, State,
    Transition,
};
use support::log::Log;
use support::script::Script;
use support::slot::{OnDrop, Slot};
use support::{Gate, kind, let_it_block, watchdog};

type Owned = Interrupt<(), NoWorkItem>;

/// A switch that makes a callback fail.
type Fails = Arc<AtomicBool>;

fn outcome(fails: &Fails) -> Result<(), &'static str> {
    if fails.load(Ordering::SeqCst) { Err("no clock") } else { Ok(()) }
}

/// A device whose callbacks log that they ran, and fail if their switch is on. In the order of a power cycle.
fn recorded(log: &Log) -> (Device, [Fails; 4]) {
    let fails: [Fails; 4] = Default::default();
    let callback = |name: &'static str, fails: &Fails| {
        let (log, fails) = (log.clone(), fails.clone());
        move || {
            log.add(name);
            outcome(&fails)
        }
    };
    let device = Device::builder("nic")
        .on_d0_entry(callback("entry", &fails[0]))
        .on_interrupts_enabled(callback("enabled", &fails[1]))
        .on_disabling_interrupts(callback("disabling", &fails[2]))
        .on_d0_exit(callback("exit", &fails[3]))
        .build();
    (device, fails)
}

fn member(log: &Log, device: &Device, name: &'static str) -> (Owned, [Fails; 2]) {
    let fails: [Fails; 2] = Default::default();
    let callback = |sign: char, fails: &Fails| {
        let (log, fails) = (log.clone(), fails.clone());
        move |_: &mut ()| {
            log.add(format!("{sign}{name}"));
            outcome(&fails)
        }
    };
    let interrupt = Interrupt::builder(())
        .name(name)
        .device(device)
        .isr(|_| Claim::Claimed)
        .on_enable(callback('+', &fails[0]))
        .on_disable(callback('-', &fails[1]))
        .build()
        .unwrap();
    (interrupt, fails)
}

fn set(fails: &Fails, value: bool) {
    fails.store(value, Ordering::SeqCst);
}

// Caught: enabled in reverse; disabled in order; the interrupts-enabled callback before the interrupts; the
// disabling-interrupts callback after them; an entry that does not look whether it is there already.
#[test]
fn e5_the_order_of_a_power_cycle() {
    let log = Log::new();
    let (device, _) = recorded(&log);
    let _all = ["a", "b", "c"].map(|name| member(&log, &device, name).0);
    for _ in 0..2 {
        assert_eq!(device.enter_d0().unwrap(), Transition::Done);
        assert_eq!(device.enter_d0().unwrap(), Transition::Already);
        assert_eq!(log.take(), ["entry", "+a", "+b", "+c", "enabled"]);
        assert_eq!(device.exit_d0().unwrap(), Transition::Done);
        assert_eq!(device.exit_d0().unwrap(), Transition::Already);
        assert_eq!(log.take(), ["disabling", "-c", "-b", "-a", "exit"]);
    }
}

// Caught: an entry that goes on after its callback failed; an exit callback for an entry that has not been.
#[test]
fn e5_a_failing_d0_entry_callback() {
    let log = Log::new();
    let (device, [entry, ..]) = recorded(&log);
    let (interrupt, _) = member(&log, &device, "a");
    set(&entry, true);
    let refused = device.enter_d0().unwrap_err();
    let ErrorKind::DeviceCallback { callback, .. } = refused.kind() else { panic!("{refused}") };
    assert_eq!((refused.name().as_str(), *callback), ("nic", DeviceCallback::D0Entry));
    assert_eq!(log.take(), ["entry"]);
    assert_eq!(interrupt.state(), State::Disabled);
    set(&entry, false);
    assert_eq!(device.enter_d0().unwrap(), Transition::Done);
}

/// The entry is undone in reverse order, without the disable callback of the interrupt that failed. The error names
/// that interrupt. The next entry succeeds.
// Caught: an entry that leaves enabled what it had enabled; one undone in order; a disabling-interrupts callback for an
// entry that did not get so far; no D0-exit callback; a failed entry that counts as D0.
#[test]
fn e5_a_failing_interrupt_undoes_the_entry() {
    let log = Log::new();
    let (device, _) = recorded(&log);
    let all = ["a", "b", "c", "d"].map(|name| member(&log, &device, name));
    set(&all[2].1[0], true);
    let refused = device.enter_d0().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::EnableCallback(_)), "{refused}");
    assert_eq!(refused.name().as_str(), "c");
    assert_eq!(log.take(), ["entry", "+a", "+b", "+c", "-b", "-a", "exit"]);
    for (interrupt, _) in &all {
        assert_eq!(interrupt.state(), State::Disabled);
    }
    set(&all[2].1[0], false);
    assert_eq!(device.enter_d0().unwrap(), Transition::Done);
    assert_eq!(log.take(), ["entry", "+a", "+b", "+c", "+d", "enabled"]);
}

// Caught: as above; a failure of the interrupts-enabled callback that is ignored.
#[test]
fn e5_a_failing_interrupts_enabled_callback_undoes_the_entry() {
    let log = Log::new();
    let (device, [_, enabled, ..]) = recorded(&log);
    let all = ["a", "b"].map(|name| member(&log, &device, name));
    set(&enabled, true);
    // What fails as it is undone does not hide the cause.
    set(&all[0].1[1], true);
    let refused = device.enter_d0().unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::DeviceCallback { callback: DeviceCallback::InterruptsEnabled, .. }),
        "{refused}"
    );
    assert_eq!(log.take(), ["entry", "+a", "+b", "enabled", "-b", "-a", "exit"]);
    assert_eq!(device.exit_d0().unwrap(), Transition::Already);
}

/// Errors do not stop an exit, and the exit returns the last of them.
// Caught: an exit that stops at an error; one that answers the first error.
#[test]
fn e5_an_exit_goes_on_after_errors() {
    let log = Log::new();
    let (device, [_, _, disabling, exit]) = recorded(&log);
    let all = ["a", "b", "c"].map(|name| member(&log, &device, name));
    let last = || {
        device.enter_d0().unwrap();
        log.take();
        let error = device.exit_d0().unwrap_err();
        assert_eq!(log.take(), ["disabling", "-c", "-b", "-a", "exit"]);
        error
    };
    set(&disabling, true);
    assert!(matches!(last().kind(), ErrorKind::DeviceCallback { callback: DeviceCallback::DisablingInterrupts, .. }));
    set(&all[2].1[1], true);
    set(&all[1].1[1], true);
    let error = last();
    assert!(matches!(error.kind(), ErrorKind::DisableCallback(_)), "{error}");
    assert_eq!(error.name().as_str(), "b");
    set(&exit, true);
    assert!(matches!(last().kind(), ErrorKind::DeviceCallback { callback: DeviceCallback::D0Exit, .. }));
    for (interrupt, _) in &all {
        assert_eq!(interrupt.state(), State::Disabled);
    }
}

// Caught: an entry that enables what the driver has disabled; a disable in low power that is forgotten; an enable that
// does not end it.
#[test]
fn e5_an_explicit_disable_outlasts_power_cycles() {
    let log = Log::new();
    let (device, _) = recorded(&log);
    let [(a, _), (b, _)] = ["a", "b"].map(|name| member(&log, &device, name));
    device.enter_d0().unwrap();
    a.disable().unwrap();
    let cycle = || {
        device.exit_d0().unwrap();
        device.enter_d0().unwrap();
    };
    for _ in 0..2 {
        cycle();
        assert_eq!((a.state(), b.state()), (State::Disabled, State::Enabled));
    }
    a.enable().unwrap();
    cycle();
    assert_eq!((a.state(), b.state()), (State::Enabled, State::Enabled));
    device.exit_d0().unwrap();
    assert_eq!(b.disable().unwrap(), Transition::Already);
    device.enter_d0().unwrap();
    assert_eq!((a.state(), b.state()), (State::Enabled, State::Disabled));
}

/// An interrupt whose message vector was not granted is passed over, without a callback. Any other failure is an error.
// Caught: an entry that fails for want of resources; one that passes over what the system refused.
#[test]
fn e5_interrupts_without_resources_are_passed_over() {
    let log = Log::new();
    let (device, _) = recorded(&log);
    let (source, script) = Script::waking(&Log::new());
    let callback = log.clone();
    let without = Interrupt::builder(())
        .name("without")
        .device(&device)
        .isr(|_| Claim::Claimed)
        .on_enable(move |_| callback.add("+without"))
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    let (after, _) = member(&log, &device, "b");
    script.fail("connect", SourceError::NotGranted { message: 3, granted: 2 });
    let entry = device.enter_d0().unwrap();
    assert_eq!(entry, Transition::Done);
    assert_eq!(entry.not_granted(), ["without".into()]);
    assert!(matches!(without.check().unwrap_err().kind(), ErrorKind::Source(SourceError::NotGranted { .. })));
    assert_eq!(log.take(), ["entry", "+b", "enabled"]);
    assert_eq!((without.state(), after.state()), (State::Disabled, State::Enabled));
    device.exit_d0().unwrap();

    // They may be granted the next time.
    assert!(device.enter_d0().unwrap().not_granted().is_empty());
    assert!(without.check().is_ok());
    device.exit_d0().unwrap();

    script.fail("connect", SourceError::Refused("testing".into()));
    assert!(matches!(kind(&device.enter_d0()), Some(ErrorKind::Source(_))));
    assert_eq!(after.state(), State::Disabled);
}

/// A panic in a callback of the device counts as its failure.
// Caught: a panic that is not caught.
#[test]
fn e5_a_panicking_callback_has_failed() {
    let log = Log::new();
    let device = Device::builder("nic").on_interrupts_enabled(|| -> () { panic!("testing") }).build();
    let (interrupt, _) = member(&log, &device, "a");
    let error = device.enter_d0().unwrap_err();
    assert_eq!(format!("{error:#}"), "nic: its interrupts-enabled callback failed: it panicked: testing");
    assert_eq!(interrupt.state(), State::Disabled);
}

fn refused<A: std::fmt::Debug>(answer: Result<A, Error>) {
    assert!(matches!(kind(&answer), Some(ErrorKind::WouldDeadlock { .. })), "{answer:?}");
}

/// A transition of the device is refused in its own callbacks and in the ISRs, callbacks and sections of its
/// interrupts. Nothing is done, and nothing hangs.
// Caught: an entry and an exit that don't look whether this is an ISR.
#[test]
fn e5_refused_where_it_would_wait_for_itself() {
    watchdog(|| {
        let own: Arc<std::sync::Mutex<Option<Device>>> = Arc::default();
        let both = move |device: &Device| {
            refused(device.enter_d0());
            refused(device.exit_d0());
        };
        let inside = |builder: DeviceBuilder| {
            let [entry, exit] = [(); 2].map(|()| {
                let own = own.clone();
                move || own.lock().unwrap().clone().iter().for_each(both)
            });
            builder.on_d0_entry(entry).on_d0_exit(exit).build()
        };
        let device = inside(Device::builder("nic"));
        *own.lock().unwrap() = Some(device.clone());
        let slot: Slot<(), _> = Slot::new();
        let [isr, enable, work] = [(); 3].map(|()| {
            let slot = slot.clone();
            move || both(slot.get().device().unwrap())
        });
        let interrupt = Interrupt::builder(())
            .device(&device)
            .isr(move |_| {
                isr();
                Claim::Claimed
            })
            .on_enable(move |_| enable())
            .work_item(move |_| work())
            .build()
            .unwrap();
        slot.set(&interrupt);
        device.enter_d0().unwrap();
        interrupt.service();
        interrupt.queue_work_item();
        while interrupt.run_work_item() {}
        interrupt.synchronize(|()| both(&device));
        device.synchronize(|| both(&device));
        // An ISR of anybody's: what it interrupted may hold what this waits for.
        let theirs = device.clone();
        let other = Interrupt::builder(())
            .isr(move |_| {
                both(&theirs);
                Claim::Claimed
            })
            .build()
            .unwrap();
        other.enable().unwrap();
        other.service();
        assert_eq!(other.stats().claimed, 1);
        assert_eq!(interrupt.state(), State::Enabled, "nothing has been done");
        assert_eq!((interrupt.stats().faults, interrupt.stats().work_run), (0, 1));
        device.exit_d0().unwrap();
        // The device's callbacks own it: a cycle.
        *own.lock().unwrap() = None;
    });
}

/// A callback of the device waits for a transition of an interrupt, whose callback waits for the device. The wait that
/// closes the circle is refused.
// Caught: a register of waits that finds no circle (it hangs).
#[test]
fn e5_a_circle_of_two_threads_is_refused() {
    watchdog(|| {
        let (entered, go) = (Gate::new(), Gate::new());
        let theirs: Arc<std::sync::Mutex<Weak<Owned>>> = Arc::default();
        let device = Device::builder("nic")
            .on_d0_entry({
                let (entered, go, theirs) = (entered.clone(), go.clone(), theirs.clone());
                move || {
                    entered.open();
                    go.wait();
                    let other = theirs.lock().unwrap().upgrade().unwrap();
                    other.disable().map(|_| ())
                }
            })
            .build();
        let (inside, answered) = (Gate::new(), Arc::new(std::sync::Mutex::new(None)));
        let other = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .on_enable({
                    let (device, inside, entered, answered) =
                        (device.clone(), inside.clone(), entered.clone(), answered.clone());
                    move |_| {
                        inside.open();
                        entered.wait();
                        *answered.lock().unwrap() = Some(device.exit_d0());
                    }
                })
                .build()
                .unwrap(),
        );
        *theirs.lock().unwrap() = Arc::downgrade(&other);
        let enabling = thread::spawn({
            let other = other.clone();
            move || other.enable().map(|_| ())
        });
        inside.wait();
        let entering = thread::spawn({
            let device = device.clone();
            move || device.enter_d0().map(|_| ())
        });
        entered.wait();
        let_it_block();
        go.open();
        let entered = entering.join().unwrap();
        enabling.join().unwrap().unwrap();
        let answered = answered.lock().unwrap().take().unwrap();
        // One of the two waited, the other was refused.
        let inner_refused = matches!(kind(&answered), Some(ErrorKind::WouldDeadlock { .. }));
        assert!(inner_refused != entered.is_err(), "{answered:?} {entered:?}");
    });
}

/// Each interrupt ends when its own handle is dropped. The device ends with its last handle and its last interrupt.
// Caught: a device that keeps its interrupts; an interrupt that does not keep its device.
#[test]
fn e5_neither_keeps_a_dropped_one_alive() {
    let log = Log::new();
    let freed = OnDrop({
        let log = log.clone();
        move || log.add("device freed")
    });
    let device = Device::builder("nic").on_d0_exit(move || _ = &freed).build();
    let [(a, _), (b, _)] = ["a", "b"].map(|name| member(&log, &device, name));
    device.enter_d0().unwrap();
    log.take();
    let object = Arc::downgrade(a.object());
    drop(a);
    assert_eq!(log.take(), ["-a"]);
    assert!(object.upgrade().is_none(), "the device keeps it");
    device.exit_d0().unwrap();
    assert_eq!(log.take(), ["-b"]);
    assert_eq!(device.stats().len(), 1);
    drop(device);
    assert_eq!(b.device().unwrap().name().as_str(), "nic");
    assert!(log.take().is_empty());
    drop(b);
    assert_eq!(log.take(), ["device freed"]);
}

// Caught: a device that is forgotten as the interrupt is built.
#[test]
fn p4_the_device_that_it_belongs_to() {
    let log = Log::new();
    let [nic, other] = ["nic", "other"].map(|name| Device::builder(name).build());
    let (interrupt, _) = member(&log, &nic, "a");
    assert_eq!(interrupt.device(), Some(&nic));
    assert_ne!(interrupt.device(), Some(&other));
    let alone = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
    assert_eq!(alone.device(), None);
}

/// The counters of all interrupts of a device, with their names, in the order in which they were built.
// Caught: the counters in any other order.
#[test]
fn s1_the_counters_of_a_device() {
    let log = Log::new();
    let device = Device::builder("nic").build();
    let [(_a, _), (b, _)] = ["a", "b"].map(|name| member(&log, &device, name));
    device.enter_d0().unwrap();
    b.service();
    // Reading them never takes the interrupt lock.
    let guard = b.acquire_interrupt_lock();
    let stats = device.stats();
    drop(guard);
    let claimed: Vec<_> = stats.iter().map(|(name, stats)| (name.as_str(), stats.claimed)).collect();
    assert_eq!(claimed, [("a", 0), ("b", 1)]);
}
