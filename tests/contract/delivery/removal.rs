//! Rule I13: a removed device is a state.

use std::thread;

use interrupt_lock::simulated::{Edu, Step};
use interrupt_lock::source::{Removal, Software};
use interrupt_lock::{
    Claim, Delivery, Dispatcher, ErrorKind, Interrupt, InterruptObject, NoWorkItem, Queued, Refusal, Registers,
    SourceError, State, WithWorkItem, source::Source,
};
use support::log::Log;
use support::script::Script;
use support::slot::Slot;
use support::{Gate, kind, until, watchdog};

fn recorded(log: &Log, source: impl Source + 'static, attended: bool) -> Interrupt<(), WithWorkItem> {
    let [isr, disable, removal, work] = [(); 4].map(|()| log.clone());
    let builder = Interrupt::builder(())
        .isr(move |_| {
            isr.add("isr");
            Claim::Claimed
        })
        .on_disable(move |_| disable.add("disable callback"))
        .on_removal(move |_| removal.add("removal callback"))
        .work_item(move |_| work.add("work item"))
        .source(source);
    let interrupt = match attended {
        true => builder.build(),
        false => builder.without_dispatcher().build(),
    };
    interrupt.unwrap()
}

#[track_caller]
fn every_later_call_says_so<T>(interrupt: &InterruptObject<T, WithWorkItem>) {
    assert_eq!(interrupt.state(), State::Removed);
    assert!(matches!(kind(&interrupt.check()), Some(ErrorKind::Removed)));
    assert!(matches!(kind(&interrupt.enable()), Some(ErrorKind::Removed)));
    assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)));
    assert_eq!(interrupt.service(), Delivery::NotServed);
    assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Removed));
}

fn wait_for_removal<T, W>(interrupt: &InterruptObject<T, W>) {
    until(|| interrupt.state() == State::Removed);
}

/// In whatever way a surprise removal is noticed, the removal callback runs once, the disable callback never, and the
/// source is disconnected.
// Caught: a take, an unmask that answers Removed and is a mere fault; a removal event that is not served; a surprise
// that runs its callback each time; one that does not disconnect.
#[test]
fn i13_a_surprise_runs_the_removal_callback_instead() {
    watchdog(|| {
        for attended in [true, false] {
            for how in ["take", "unmask", "descriptor"] {
                let log = Log::new();
                let (source, device) = Script::descriptor(&log);
                let interrupt = recorded(&log, source, attended);
                interrupt.enable().unwrap();
                match how {
                    "descriptor" => {
                        device.remove(Removal::Surprise);
                        if !attended {
                            interrupt.service_removal();
                        }
                    }
                    method => {
                        device.fail(method, SourceError::Removed);
                        device.assert();
                        if !attended {
                            interrupt.service();
                        }
                    }
                }
                log.wait_for("removal callback", 1);
                wait_for_removal(&interrupt);
                every_later_call_says_so(&interrupt);
                interrupt.service_removal();
                drop(interrupt);
                assert_eq!(log.count("removal callback"), 1, "{how}");
                assert!(!log.contains("disable callback"), "{how}");
                assert!(log.contains("disconnect"), "{how}");
            }
        }
    });
}

/// The simulated device is removed while it is served. Its registers read as all ones, and the ISR returns
/// `DeviceGone`.
// Caught: DeviceGone treated as an unclaimed interrupt.
#[test]
fn i13_an_isr_that_reads_all_ones() {
    watchdog(|| {
        let device = Edu::new();
        let log = Log::new();
        let (registers, removal, disable) = (device.registers(), log.clone(), log.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |_| match registers.read32(0x24) {
                u32::MAX => Claim::DeviceGone,
                0 => Claim::Unclaimed,
                status => {
                    registers.write32(0x64, status);
                    Claim::Claimed
                }
            })
            .on_removal(move |_| removal.add("removal callback"))
            .on_disable(move |_| disable.add("disable callback"))
            .work_item(|_| ())
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        device.perform(Step::Raise(1));
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        device.perform(Step::Remove(Removal::Surprise));
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::DeviceGone));
        every_later_call_says_so(&interrupt);
        assert_eq!(log.take(), ["removal callback"]);
    });
}

// Caught: a source that woke its waker and is not asked for its removal.
#[test]
fn i13_the_simulated_device_is_pulled() {
    watchdog(|| {
        for removal in [Removal::Surprise, Removal::Requested] {
            let (device, log) = (Edu::new(), Log::new());
            let interrupt = recorded(&log, device.line().unwrap(), true);
            interrupt.enable().unwrap();
            device.perform(Step::Remove(removal));
            wait_for_removal(&interrupt);
            every_later_call_says_so(&interrupt);
            drop(interrupt);
            let ran = match removal {
                Removal::Surprise => "removal callback",
                _ => "disable callback",
            };
            assert_eq!(log.take(), [ran]);
        }
    });
}

/// Enabling finds that the device is gone. It does not succeed, so no removal callback runs.
// Caught: a connection that answers Removed and is a mere error; a removal callback without an enable.
#[test]
fn i13_gone_before_it_is_connected() {
    for method in ["take", "connect"] {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let interrupt = recorded(&log, source, false);
        device.fail(method, SourceError::Removed);
        assert!(matches!(kind(&interrupt.enable()), Some(ErrorKind::Removed)));
        every_later_call_says_so(&interrupt);
        assert!(!log.contains("removal callback"));
    }
}

/// The device is gone, and nobody has looked. A disable looks: its callback would touch registers that are no more. So
/// the removal callback runs instead.
// Caught: a disable that does not look for a removal; one that runs both callbacks.
#[test]
fn i13_found_out_by_a_disable() {
    let (source, device) = Software::edge();
    let log = Log::new();
    let interrupt = recorded(&log, source, false);
    interrupt.enable().unwrap();
    device.remove();
    assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)));
    every_later_call_says_so(&interrupt);
    assert_eq!(log.take(), ["removal callback"], "one of the two for each enable");
}

/// A request for removal disables the interrupt as usual, in whatever way the source reports it, with and without a
/// work item.
// Caught: no worker for a request where there is no work item; a waker that is not asked for the removal; a request
// that runs the removal callback; one that does not say Removed afterwards.
#[test]
fn i13_a_request_disables_as_usual() {
    for descriptor in [true, false] {
        for work_item in [true, false] {
            for own_dispatcher in [true, false] {
                watchdog(move || orderly(descriptor, work_item, own_dispatcher));
            }
        }
    }
}

fn orderly(descriptor: bool, work_item: bool, own_dispatcher: bool) {
    let log = Log::new();
    let (source, device) = match descriptor {
        true => Script::descriptor(&log),
        false => Script::waking(&log),
    };
    let dispatcher = Dispatcher::new().unwrap();
    let [isr, disable, removal] = [(); 3].map(|()| log.clone());
    // Whether there is a work item is in the builder's type.
    macro_rules! build {
        ($($work_item:tt)*) => {{
            let builder = Interrupt::builder(())
                .isr(move |_| {
                    isr.add("isr");
                    Claim::Claimed
                })
                .on_disable(move |_| disable.add("disable callback"))
                .on_removal(move |_| removal.add("removal callback"))
                $($work_item)*
                .source(source);
            match own_dispatcher {
                true => builder.build(),
                false => builder.dispatcher(&dispatcher).build(),
            }
            .unwrap()
        }};
    }
    if work_item {
        asked_to_go(&build!(.work_item(|_| ())), &device, &log);
    } else {
        asked_to_go(&build!(), &device, &log);
    }
}

fn asked_to_go<W>(interrupt: &Interrupt<(), W>, device: &support::script::ScriptHandle, log: &Log) {
    interrupt.enable().unwrap();
    device.assert();
    log.wait_for("isr", 1);
    device.remove(Removal::Requested);
    log.wait_for("disconnect", 1);
    wait_for_removal(interrupt);
    assert!(matches!(kind(&interrupt.enable()), Some(ErrorKind::Removed)));
    assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)));
    assert!(!log.contains("removal callback"));
    assert_eq!(log.count("disable callback"), 1);
}

/// A request for removal and an assertion cause a single wake-up.
// Caught: a wake-up that asks for the removal only where nothing was signalled.
#[test]
fn i13_a_request_beside_an_assertion() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (busy, go) = (Gate::new(), Gate::new());
        let (blocker, block) = Software::edge();
        let isr = (busy.clone(), go.clone());
        let first = Interrupt::builder(())
            .isr(move |_| {
                isr.0.open();
                isr.1.wait();
                Claim::Claimed
            })
            .source(blocker)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        let (source, device) = Software::edge();
        let second =
            Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(&dispatcher).build().unwrap();
        first.enable().unwrap();
        second.enable().unwrap();
        block.assert();
        busy.wait();
        device.assert();
        device.request_removal();
        go.open();
        wait_for_removal(&second);
        assert_eq!(second.stats().claimed, 1, "the assertion is served all the same");
    });
}

/// If a source has woken its waker, the crate serves it and asks it for its removal in one section of the lock. What
/// waits for the end of the section comes after both.
// Caught: a wake that is a delivery first and a look for a removal then; one that asks for no removal.
#[test]
fn i13_a_wake_is_one_section() {
    let (log, own) = (Log::new(), Slot::<(), NoWorkItem>::new());
    let (source, device) = Script::waking(&log);
    let (isr, again) = (log.clone(), own.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            isr.add("isr");
            assert_eq!(again.get().service(), Delivery::Pending);
            Claim::Claimed
        })
        .source(source)
        .build()
        .unwrap();
    own.set(&interrupt);
    interrupt.enable().unwrap();
    log.take();
    device.assert();
    log.wait_for("take", 2);
    log.wait_for("removal", 1);
    assert_eq!(log.take(), ["take", "isr", "unmask", "removal", "take"]);
}

/// Without a dispatcher the driver's own loop asks the source, and that call disables the interrupt.
// Caught: a request without a dispatcher that is left to another thread.
#[test]
fn i13_a_request_without_a_dispatcher() {
    let log = Log::new();
    let (source, device) = Software::level();
    let interrupt = recorded(&log, source, false);
    interrupt.enable().unwrap();
    interrupt.service_removal();
    assert!(interrupt.check().is_ok());
    interrupt.queue_work_item();
    device.assert();
    device.request_removal();
    interrupt.service_removal();
    assert_eq!(log.take(), ["isr", "disable callback", "work item"]);
    every_later_call_says_so(&*interrupt);
}

/// If the lock can't be acquired in time, the request counts as a surprise: the caller gets that error, and the removal
/// callback runs as soon as the lock is free.
// Caught: a request that waits for the lock for ever; one that runs the disable callback after its deadline.
#[test]
fn i13_a_request_that_can_not_be_met_in_time() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::descriptor(&log);
        let [disable, removal] = [(); 2].map(|()| log.clone());
        let (noted, locked) = (Gate::new(), Gate::new());
        let work = (noted.clone(), locked.clone());
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .on_disable(move |_| disable.add("disable callback"))
            .on_removal(move |_| removal.add("removal callback"))
            .work_item(move |cx| {
                // The request is served as this ends. The lock is taken before that.
                device.remove(Removal::Requested);
                cx.service_removal();
                work.0.open();
                work.1.wait();
            })
            .source(source)
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let object = interrupt.object().clone();
        let at_work = thread::spawn(move || _ = object.run_work_item());
        noted.wait();
        let held = interrupt.acquire_interrupt_lock();
        locked.open();
        wait_for_removal(&interrupt);
        assert!(!log.contains("removal callback"), "the lock is held");
        drop(held);
        log.wait_for("removal callback", 1);
        at_work.join().unwrap();
        drop(interrupt);
        assert!(!log.contains("disable callback"));
        assert_eq!(log.count("removal callback"), 1);
    });
}

/// The device is found gone by the ISR of the last delivery of a disable.
// Caught: DeviceGone in a disable's last delivery that is not told.
#[test]
fn i13_gone_in_the_last_delivery_of_a_disable() {
    let (source, assert) = Software::edge();
    let log = Log::new();
    let (disable, removal) = (log.clone(), log.clone());
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::DeviceGone)
        .on_disable(move |_| disable.add("disable callback"))
        .on_removal(move |_| removal.add("removal callback"))
        .work_item(|_| ())
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert.assert();
    assert!(matches!(kind(&interrupt.disable()), Some(ErrorKind::Removed)));
    every_later_call_says_so(&*interrupt);
    assert_eq!(log.take(), ["removal callback"], "one of the two for each enable");
}
