//! Rule E5, and issue "reset and recovery": quiesce, reset, enable again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use interrupt_lock::simulated::Edu;
use interrupt_lock::{
    Claim, Delivery, Device, DeviceCallback, ErrorKind, Interrupt, NoWorkItem, Registers, State, Transition,
};
use support::log::Log;
use support::{kind, watchdog};

type Owned = Interrupt<(), NoWorkItem>;

fn member(log: &Log, device: &Device, name: &'static str) -> (Owned, [Arc<AtomicBool>; 2]) {
    let [enable, disable] = [(); 2].map(|()| log.clone());
    let fails: [Arc<AtomicBool>; 2] = Default::default();
    let [panics, refuses] = fails.clone();
    let interrupt = Interrupt::builder(())
        .name(name)
        .device(device)
        .isr(move |_| if panics.load(SeqCst) { panic!("testing") } else { Claim::Claimed })
        .on_enable(move |_| {
            enable.add(format!("+{name}"));
            if refuses.load(SeqCst) { Err("no clock") } else { Ok(()) }
        })
        .on_disable(move |_| {
            disable.add(format!("-{name}"));
            Err("it does not answer")
        })
        .build()
        .unwrap();
    (interrupt, fails)
}

fn device(log: &Log) -> Device {
    let [entry, exit] = [(); 2].map(|()| log.clone());
    Device::builder("nic").on_d0_entry(move || entry.add("entry")).on_d0_exit(move || exit.add("exit")).build()
}

/// Interrupts are disabled in reverse order, the device is reset, and they are enabled in order. A faulted interrupt is
/// cleared and enabled; one that the driver has disabled is not.
// Caught: quiesced in order; enabled in reverse; a fault that is not cleared; a disable callback's failure that stops it.
#[test]
fn e5_a_reset_quiesces_and_recovers() {
    let log = Log::new();
    let device = device(&log);
    let [(a, [panics, _]), (b, _), (c, _), (d, _)] = ["a", "b", "c", "d"].map(|name| member(&log, &device, name));
    device.enter_d0().unwrap();
    c.disable().unwrap_err();
    panics.store(true, SeqCst);
    assert_eq!(a.service(), Delivery::NotServed);
    panics.store(false, SeqCst);
    log.take();
    let during = log.clone();
    device.reset(|| during.add("reset")).unwrap();
    assert_eq!(log.take(), ["-d", "-b", "reset", "+a", "+b", "+d"]);
    assert_eq!([&a, &b, &c, &d].map(|i| i.state()), [State::Enabled, State::Enabled, State::Disabled, State::Enabled]);
    assert!(a.fault().is_none());
    assert_eq!(a.service(), Delivery::Answered(Claim::Claimed));
    assert_eq!(device.enter_d0().unwrap(), Transition::Already);
}

/// A faulted interrupt that the driver has disabled stays disabled. A reset that fails half-way leaves nothing enabled,
/// also without power management.
// Caught: a disable of the driver's that is forgotten; a failing enable that leaves others enabled.
#[test]
fn e5_a_reset_leaves_what_the_driver_has_disabled() {
    let device = device(&Log::new());
    let [(a, [panics, _]), (b, _), (c, [_, refuses])] = ["a", "b", "c"].map(|name| member(&Log::new(), &device, name));
    for interrupt in [&a, &b, &c] {
        interrupt.enable().unwrap();
    }
    panics.store(true, SeqCst);
    a.service();
    assert_eq!(a.disable().unwrap(), Transition::Already);
    device.reset(|| ()).unwrap();
    assert_eq!([&a, &b, &c].map(|i| i.state()), [State::Faulted, State::Enabled, State::Enabled]);
    refuses.store(true, SeqCst);
    device.reset(|| ()).unwrap_err();
    assert_eq!([&b, &c].map(|i| i.state()), [State::Disabled, State::Disabled]);
}

/// If the reset fails, or an interrupt can't be enabled after it, all interrupts are disabled and the device has left
/// D0.
// Caught: a failing reset that enables them; a device that still counts as in D0; a panic that is not caught.
#[test]
fn e5_a_failing_reset_leaves_nothing_enabled() {
    for panics in [true, false] {
        let log = Log::new();
        let device = device(&log);
        let [(a, _), (b, [_, refuses])] = ["a", "b"].map(|name| member(&log, &device, name));
        device.enter_d0().unwrap();
        log.take();
        let error =
            if panics { device.reset(|| -> () { panic!("testing") }) } else { device.reset(|| Err("it is on fire")) };
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DeviceCallback { callback: DeviceCallback::Reset, .. }), "{error}");
        assert_eq!(log.take(), ["-b", "-a", "exit"]);
        assert_eq!((a.state(), b.state()), (State::Disabled, State::Disabled));

        assert_eq!(device.enter_d0().unwrap(), Transition::Done);
        refuses.store(true, SeqCst);
        log.take();
        let error = device.reset(|| ()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::EnableCallback(_)), "{error}");
        assert_eq!(error.name().as_str(), "b");
        assert_eq!(log.take(), ["-b", "-a", "+a", "+b", "-a", "exit"]);
        assert_eq!((a.state(), b.state()), (State::Disabled, State::Disabled));
    }
}

/// A reset is a transition of the device, and is refused where it would wait for itself.
// Caught: a reset that is no transition.
#[test]
fn e4_a_reset_that_would_wait_for_itself() {
    watchdog(|| {
        let device = device(&Log::new());
        let (a, _) = member(&Log::new(), &device, "a");
        a.enable().unwrap();
        let refused = [device.synchronize(|| device.reset(|| ())), a.synchronize(|()| device.reset(|| ()))];
        assert!(
            refused.iter().all(|answer| matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))),
            "{refused:?}"
        );
        // Without power management: those that were enabled come back.
        device.reset(|| ()).unwrap();
        assert_eq!(a.state(), State::Enabled);
    });
}

/// A simulated device that was reset goes on working with the same driver.
// Caught: an interrupt that is not enabled again.
#[test]
fn e5_a_driver_goes_on_after_a_reset() {
    watchdog(|| {
        let edu = Edu::new();
        let regs = edu.registers();
        let device = Device::builder("edu").build();
        let log = Log::new();
        let (isr, enable, disable, results) = (regs.clone(), regs.clone(), regs.clone(), log.clone());
        let _interrupt: Owned = Interrupt::builder(())
            .isr(move |_| {
                let status = isr.read32(0x24);
                if status == 0 {
                    return Claim::Unclaimed;
                }
                isr.write32(0x64, status);
                results.add(isr.read32(0x08).to_string());
                Claim::Claimed
            })
            .on_enable(move |_| enable.write32(0x20, 0x80))
            .on_disable(move |_| disable.write32(0x20, 0))
            .device(&device)
            .source(edu.line().unwrap())
            .build()
            .unwrap();
        device.enter_d0().unwrap();
        regs.write32(0x08, 5);
        log.wait_for("120", 1);
        device.reset(|| regs.write32(0x20, 0)).unwrap();
        regs.write32(0x08, 4);
        log.wait_for("24", 1);
    });
}
