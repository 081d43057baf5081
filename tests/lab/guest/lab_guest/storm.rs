//! A device that asserts its line and whose driver never claims it (rule I10), beside one that goes on working.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use interrupt_lock::{Claim, Error, ErrorKind, Fault, Interrupt};

use crate::account::{Account, Failure};
use crate::arguments::Device;
use crate::driver::Requests;
use crate::open;
use crate::rig::{Edu, Line, Slot, UioLine, VfioLine, ensure, until};
use interrupt_lock::test_kit::{Device as _, Rig};

/// How many interrupts the other device has to get after the storm, and the storming one when it is well again.
const SERVED: u64 = 1000;

pub fn run(device: &Device, other: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => run_beside(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?), other),
        Device::Vfio { address, msi: false } => run_beside(&VfioLine(Slot::of_address(address)), other),
        _ => Err(Failure::usage("a storm needs a line".into())),
    }
}

fn run_beside(rig: &impl Rig<Device = Edu>, other: &Device) -> Result<String, Failure> {
    let other = open::open(other)?;
    let neighbour = other.interrupt();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let stormed = storm(rig, neighbour);
            over.store(true, SeqCst);
            stormed
        });
        let mut account = Account::new(String::new());
        let mut worked = Ok(());
        while worked.is_ok() && !over.load(SeqCst) {
            worked = account.run(&other, 100);
        }
        let stormed = storm.join().map_err(|_| Failure::Run("the thread of the storm panicked".into()))?;
        worked.and(stormed)
    })
}

fn storm<R: Rig<Device = Edu>>(rig: &R, other: &Interrupt<Requests>) -> Result<String, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let blind = Arc::new(AtomicBool::new(true));
    let (theirs, is_blind) = (edu.clone(), blind.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| if !is_blind.load(SeqCst) && theirs.acknowledge() { Claim::Claimed } else { Claim::Unclaimed })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    served(other)?; // both are at work
    let before = other.stats().claimed;
    edu.assert();
    // As long as it takes: a scenario has its limit.
    while interrupt.fault().is_none() {
        thread::yield_now();
    }
    let meanwhile = other.stats().claimed - before;
    let stats = interrupt.stats();
    let storm = |fault: Option<&Fault>| matches!(fault, Some(Fault::Storm { .. }));
    ensure(storm(interrupt.fault().as_ref()), || format!("the fault is no storm: {:?}", interrupt.fault()))?;
    ensure(meanwhile > 0, || "the other device was not served while it stormed".into())?;
    let refused = interrupt.enable();
    let is_told = |error: &Error| matches!(error.kind(), ErrorKind::Faulted(fault) if storm(Some(fault)));
    ensure(refused.as_ref().is_err_and(is_told), || format!("{refused:?}"))?;
    served(other)?;
    let line = edu.line()?;
    ensure(line == Line { masked: true, pending: true }, || format!("a faulted line is left so: {line:?}"))?;
    ensure(interrupt.stats() == stats, || "a faulted interrupt is delivered".into())?;

    blind.store(false, SeqCst);
    edu.acknowledge();
    let cleared = interrupt.clear_fault().map_err(Failure::of_the_run)?;
    ensure(storm(cleared.as_ref()), || format!("the fault that was cleared: {cleared:?}"))?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    for claimed in 1..=SERVED {
        edu.assert();
        until("it is served after the storm", || interrupt.stats().claimed >= claimed).map_err(Failure::Run)?;
    }
    interrupt.disable().map_err(Failure::of_the_run)?;
    Ok(format!(
        "faulted after {} unclaimed, {meanwhile} of the other device claimed meanwhile; {SERVED} claimed after it was cleared",
        stats.spurious
    ))
}

/// Waits until so many interrupts more have been claimed.
fn served(other: &Interrupt<Requests>) -> Result<(), Failure> {
    let claimed = || other.stats().claimed;
    let enough = claimed() + SERVED;
    until("the other device is served", || claimed() >= enough).map_err(Failure::Run)
}
