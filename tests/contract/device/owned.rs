//! Rule E6: a driver that has the handle of its device's power goes down in the same order wherever it is dropped.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Wake, Waker};

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{
    Claim, Device, ErrorKind, Interrupt, InterruptLock, InterruptObject, NoWorkItem, Powered, State, Transition,
    WithWorkItem,
};
use support::log::Log;
use support::slot::{OnDrop, Slot};
use support::{asleep, kind, let_it_block, until, watchdog};

type Owned = Interrupt<(), WithWorkItem>;

/// A driver. It is dropped with the fields in this order.
struct Driver {
    _power: Powered,
    _receive: Owned,
    _transmit: Owned,
}

/// The same with the fields in the opposite order.
struct Reversed {
    _receive: Owned,
    _transmit: Owned,
    _power: Powered,
}

/// Drops the driver in one place.
#[derive(Clone)]
struct Dropper {
    place: &'static str,
    log: Log,
    driver: Arc<Mutex<Option<Box<dyn Send>>>>,
}

impl Dropper {
    /// Drops the driver, if this is the place and the driver is complete.
    fn at(&self, place: &'static str) {
        let driver = if place == self.place { self.driver.lock().unwrap().take() } else { None };
        if driver.is_some() {
            self.log.take();
            drop(driver);
            // Here a thread that does not wait for this section would overtake it.
            let_it_block();
            self.log.add("section ends");
        }
    }
}

impl Wake for Dropper {
    fn wake(self: Arc<Self>) {
        self.at("waker");
    }
}

/// Logs that it is freed, together with the callback that owns it.
fn freed(log: &Log, name: &'static str) -> OnDrop<impl FnMut() + Send + use<>> {
    let log = log.clone();
    OnDrop(move || log.add(format!("{name} freed")))
}

/// A device whose callbacks log that they ran.
fn device(dropper: &Dropper) -> Device {
    let callback = |name: &'static str| {
        let dropper = dropper.clone();
        move || {
            dropper.log.add(name);
            dropper.at(name);
        }
    };
    let (exit, owned) = (callback("exit"), freed(&dropper.log, "device"));
    Device::builder("nic")
        .on_d0_entry(callback("entry"))
        .on_interrupts_enabled(callback("enabled"))
        .on_disabling_interrupts(callback("disabling"))
        .on_d0_exit(move || {
            let _owned = &owned;
            exit();
        })
        .build()
}

fn member(dropper: &Dropper, device: &Device, name: &'static str, source: Software, dispatched: bool) -> Owned {
    let callback = |sign: char, place: &'static str| {
        let dropper = dropper.clone();
        move || {
            dropper.log.add(format!("{sign}{name}"));
            match (name, place) {
                ("receive", _) => dropper.at(place),
                (_, "work item") => dropper.at("serialized work item"),
                _ => {}
            }
        }
    };
    let [enable, disable] = [callback('+', "enable"), callback('-', "disable")];
    let [removal, work] = [callback('!', "removal"), callback('w', "work item")];
    let (isr, owned) = (dropper.clone(), freed(&dropper.log, name));
    let builder = Interrupt::builder(())
        .name(name)
        .device(device)
        .isr(move |_| {
            let _owned = &owned;
            isr.at("isr");
            Claim::Claimed
        })
        .work_item(move |_| work())
        .on_enable(move |()| enable())
        .on_disable(move |()| disable())
        .on_removal(move |()| removal())
        .source(source);
    let builder = if name == "transmit" { builder.automatic_serialization() } else { builder };
    if dispatched { builder.build() } else { builder.without_dispatcher().build() }.unwrap()
}

/// The driver is up, and is dropped at the place that `dropper` knows.
struct Rig {
    log: Log,
    dropper: Dropper,
    device: Device,
    receive: Weak<InterruptObject<(), WithWorkItem>>,
    transmit: Weak<InterruptObject<(), WithWorkItem>>,
    line: EdgeHandle,
    dispatched: bool,
}

impl Rig {
    fn new(place: &'static str, dispatched: bool, reversed: bool) -> Self {
        let log = Log::new();
        let dropper = Dropper { place, log: log.clone(), driver: Arc::default() };
        let device = device(&dropper);
        let (source, line) = Software::edge();
        let receive = member(&dropper, &device, "receive", source, dispatched);
        let transmit = member(&dropper, &device, "transmit", Software::edge().0, dispatched);
        let objects = [&receive, &transmit].map(|interrupt| Arc::downgrade(interrupt.object()));
        let power = device.power_up().unwrap();
        assert_eq!(*power.entry(), Transition::Done);
        assert_eq!(log.take(), ["entry", "+receive", "+transmit", "enabled"]);
        let driver: Box<dyn Send> = if reversed {
            Box::new(Reversed { _receive: receive, _transmit: transmit, _power: power })
        } else {
            Box::new(Driver { _power: power, _receive: receive, _transmit: transmit })
        };
        *dropper.driver.lock().unwrap() = Some(driver);
        let [receive, transmit] = objects;
        Self { log, dropper, device, receive, transmit, line, dispatched }
    }

    /// Brings the driver to its place. Returns the log from the drop on, when everything has been freed.
    fn run(self) -> Vec<String> {
        let Self { log, dropper, device, receive, transmit, line, dispatched } = self;
        let object = receive.upgrade().unwrap();
        match dropper.place {
            "isr" => {
                line.assert();
                if !dispatched {
                    object.service();
                }
            }
            "another isr" => {
                let elsewhere = dropper.clone();
                let other = Interrupt::<_, NoWorkItem>::builder(())
                    .isr(move |_| {
                        elsewhere.at("another isr");
                        Claim::Claimed
                    })
                    .build()
                    .unwrap();
                other.enable().unwrap();
                other.service();
            }
            "enable" => {
                object.disable().unwrap();
                object.enable().unwrap();
            }
            "disable" => drop(object.disable().unwrap()),
            "removal" => {
                line.remove();
                if !dispatched {
                    object.service_removal();
                }
            }
            "work item" | "serialized work item" => {
                let of = if dropper.place == "work item" { receive } else { transmit };
                let of = of.upgrade().unwrap();
                of.queue_work_item();
                while !dispatched && of.run_work_item() {}
            }
            "closure" => {
                let guard = object.acquire_interrupt_lock();
                let closure = dropper.clone();
                let _ = object.run_or_defer(move |()| closure.at("closure"));
                drop(guard);
            }
            // The disable has released the lock, and is not finished.
            "waker" => {
                let mut claims = object.claims().unwrap();
                let waker = Waker::from(Arc::new(dropper.clone()));
                assert!(pin!(claims.claimed()).poll(&mut Context::from_waker(&waker)).is_pending());
                object.disable().unwrap();
            }
            "lock" => object.synchronize(|()| dropper.at("lock")),
            "synchronize" => device.synchronize(|| dropper.at("synchronize")),
            "disabling" | "exit" => drop(device.exit_d0().unwrap()),
            "entry" | "enabled" => {
                device.exit_d0().unwrap();
                device.enter_d0().unwrap();
            }
            place => dropper.at(place),
        }
        drop((object, device));
        log.wait_for("device freed", 1);
        log.take()
    }
}

/// Each place, and what differs there in the order.
const PLACES: [(&str, &[&str]); 16] = [
    ("outside", &["disabling", "-transmit", "-receive", "exit"]),
    ("isr", &["disabling", "-transmit", "-receive", "exit"]),
    ("another isr", &["disabling", "-transmit", "-receive", "exit"]),
    ("enable", &["disabling", "-transmit", "-receive", "exit"]),
    ("work item", &["disabling", "-transmit", "-receive", "exit"]),
    ("serialized work item", &["disabling", "-transmit", "-receive", "exit"]),
    ("closure", &["disabling", "-transmit", "-receive", "exit"]),
    ("lock", &["disabling", "-transmit", "-receive", "exit"]),
    ("synchronize", &["disabling", "-transmit", "-receive", "exit"]),
    ("enabled", &["disabling", "-transmit", "-receive", "exit"]),
    // It is disabled, or gone, already.
    ("disable", &["disabling", "-transmit", "exit"]),
    ("waker", &["disabling", "-transmit", "exit"]),
    ("removal", &["disabling", "-transmit", "exit"]),
    // The rest of a transition that is under way.
    ("entry", &["+receive", "+transmit", "enabled", "disabling", "-transmit", "-receive", "exit"]),
    ("disabling", &["-transmit", "-receive", "exit"]),
    ("exit", &[]),
];

/// In each place the order is the same: the device leaves D0, then the interrupts end. All of it comes after the section
/// (but that of another interrupt's ISR, which nobody waits for).
// Caught: an exit that is not put off; one that does not wait for the lock, the transition or the work item; interrupts
// disabled in order; the D0-exit callback before them; ends that are not left to the exit, come before it or never come.
#[test]
fn e6_an_owned_device_goes_down_in_order() {
    for (place, exit) in PLACES {
        for dispatched in [false, true] {
            let mut log = watchdog(move || Rig::new(place, dispatched, false).run());
            let mut wanted = exit.to_vec();
            wanted.extend(["receive freed", "transmit freed", "device freed"]);
            if ["outside", "another isr"].contains(&place) {
                log.retain(|entry| entry != "section ends");
                if place == "another isr" {
                    // The exit may be made before the second is dropped: then each has a thread of its own.
                    log[4..6].sort_unstable();
                }
            } else {
                wanted.insert(0, "section ends");
            }
            assert_eq!(log, wanted, "dropped in {place}, dispatched: {dispatched}");
        }
    }
}

/// The fields are in the opposite order: the interrupts end first, or are put off. Either way the exit comes, everything
/// runs and is freed once, and no callback runs after it was freed.
// Caught: an exit that is not put off; ends that are left to it and never come.
#[test]
fn e6_an_owned_device_whose_interrupts_are_dropped_first() {
    for (place, exit) in PLACES {
        for dispatched in [false, true] {
            let mut log = watchdog(move || Rig::new(place, dispatched, true).run());
            log.retain(|entry| entry != "section ends");
            let at = |entry: &str| log.iter().position(|other| other == entry);
            for name in ["receive", "transmit"] {
                assert!(at(&format!("-{name}")) < at(&format!("{name} freed")), "{place}: {log:?}");
            }
            assert_eq!(log.last().unwrap(), "device freed");
            let mut wanted = exit.to_vec();
            wanted.extend(["receive freed", "transmit freed", "device freed"]);
            // One that was dropped before it was enabled is passed over.
            if place != "entry" {
                wanted.sort_unstable();
                log.sort_unstable();
                assert_eq!(log, wanted, "dropped in {place}, dispatched: {dispatched}");
            }
        }
    }
}

// Caught: interrupts disabled in order; the D0-exit callback before them.
#[test]
fn e6_an_owned_device_outside_is_down_when_the_drop_returns() {
    let rig = Rig::new("outside", true, false);
    rig.dropper.at("outside");
    let all = ["disabling", "-transmit", "-receive", "exit", "receive freed", "transmit freed", "section ends"];
    assert_eq!(rig.log.take(), all);
}

/// The exit would close a circle of waits in its last step. It goes on from there, when the circle is open.
// Caught: an exit that goes on after a refused step; one that begins again; one that is not put off.
#[test]
fn e6_an_owned_device_whose_exit_is_refused_half_way() {
    watchdog(|| {
        let log = Log::new();
        let dropper = Dropper { place: "nowhere", log: log.clone(), driver: Arc::default() };
        let device = device(&dropper);
        let lock = Arc::new(InterruptLock::new(()));
        let (theirs, waits) = (device.clone(), lock.clone());
        let interrupt = Interrupt::<_, NoWorkItem>::builder(())
            .device(&device)
            .isr(|_| Claim::Claimed)
            .on_disable(move |()| {
                // It holds the callback lock, which the D0-exit callback needs, and waits for the lock below.
                let (device, lock) = (theirs.clone(), waits.clone());
                drop(asleep("holder", move || device.synchronize(|| drop(lock.acquire_interrupt_lock()))));
            })
            .build()
            .unwrap();
        let power = device.power_up().unwrap();
        log.take();
        let guard = lock.acquire_interrupt_lock();
        drop(power);
        assert_eq!(log.take(), ["disabling"]);
        drop(guard);
        log.wait_for("exit", 1);
        drop(interrupt);
        assert_eq!(log.take(), ["exit"]);
    });
}

// Caught: any handle that makes the device leave D0.
#[test]
fn e6_the_last_power_handle_leaves_d0() {
    let log = Log::new();
    let device = device(&Dropper { place: "nowhere", log: log.clone(), driver: Arc::default() });
    let first = device.power_up().unwrap();
    let second = device.power_up().unwrap();
    assert_eq!(second.entry().transition(), Transition::Already);
    drop(first);
    assert_eq!(log.take(), ["entry", "enabled"]);
    drop(second);
    assert_eq!(log.take(), ["disabling", "exit"]);
}

/// A new handle comes before an exit that was put off. The device stays in D0.
// Caught: an exit that does not look for handles inside its transition; ends that never come.
#[test]
fn e6_a_new_power_handle_keeps_d0() {
    watchdog(|| {
        let log = Log::new();
        let device = device(&Dropper { place: "nowhere", log: log.clone(), driver: Arc::default() });
        let slot = Slot::<(), NoWorkItem>::new();
        let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build().unwrap();
        slot.set(&interrupt);
        let power = device.power_up().unwrap();
        let guard = interrupt.acquire_interrupt_lock();
        drop(power);
        let again = {
            // The exit waits for the guard. The new handle waits for nothing.
            let device = device.clone();
            std::thread::spawn(move || device.power_up()).join().unwrap().unwrap()
        };
        let ends = Arc::downgrade(interrupt.object());
        drop(guard);
        drop(interrupt);
        until(|| ends.strong_count() == 0);
        assert_eq!(log.take(), ["entry", "enabled"]);
        drop(again);
        assert_eq!(log.take(), ["disabling", "exit"]);
    });
}

/// Its drop leaves D0 for good: nothing is left that could wake the device.
// Caught: an exit that puts wake-capable interrupts to sleep; one that passes over those that sleep.
#[test]
fn e6_an_owned_device_leaves_nothing_asleep() {
    for asleep in [false, true] {
        let (device, log) = (Device::builder("nic").build(), Log::new());
        let disable = log.clone();
        let interrupt = Interrupt::<_, NoWorkItem>::builder(())
            .device(&device)
            .wake_capable()
            .isr(|_| Claim::Claimed)
            .on_disable(move |()| disable.add("disable"))
            .build()
            .unwrap();
        let power = device.power_up().unwrap();
        if asleep {
            power.exit_d0().unwrap();
            assert_eq!(interrupt.state(), State::Asleep);
        }
        drop(power);
        assert_eq!((interrupt.state(), log.take()), (State::Disabled, vec!["disable".to_owned()]));
        interrupt.service();
        assert_eq!(device.exit_d0().unwrap(), Transition::Already);
    }
}

/// A driver that failed to power up has no handle.
// Caught: a handle that is counted before the entry.
#[test]
fn e6_a_failed_entry_has_no_power_handle() {
    let (log, mut tries) = (Log::new(), 0);
    let exit = log.clone();
    let device = Device::builder("nic")
        .on_d0_entry(move || {
            tries += 1;
            if tries == 1 { Err("no clock") } else { Ok(()) }
        })
        .on_d0_exit(move || exit.add("exit"))
        .build();
    assert!(matches!(kind(&device.power_up()), Some(ErrorKind::DeviceCallback { .. })));
    assert!(log.take().is_empty());
    drop(device.power_up().unwrap());
    assert_eq!(log.take(), ["exit"]);
}
