//! D0 exit and entry of a device with a real interrupt (rule E5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use interrupt_lock::{Claim, Interrupt, State, Transition};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, until};
use interrupt_lock::test_kit::{Device as _, Rig};

const CYCLES: u64 = 50;
/// How many interrupts are served in each.
const SERVED: u64 = 20;
/// How long the device asserts its line while it is out of D0.
const OUT: Duration = Duration::from_millis(10);

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => cycle(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        Device::Vfio { address, msi: false } => cycle(&VfioLine(Slot::of_address(address))),
        Device::Vfio { address, msi: true } => cycle(&VfioMessage(Slot::of_address(address))),
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

fn cycle<R: Rig<Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let in_d0 = Arc::new(AtomicBool::new(false));
    let outside = Arc::new(AtomicU32::new(0));
    let [entry, exit] = [(); 2].map(|()| in_d0.clone());
    let device = interrupt_lock::Device::builder("edu")
        .on_d0_entry(move || {
            thread::sleep(OUT / 10); // for an interrupt that was enabled too early
            entry.store(true, SeqCst);
        })
        .on_d0_exit(move || exit.store(false, SeqCst))
        .build();
    let (theirs, has_power, is_outside) = (edu.clone(), in_d0.clone(), outside.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            is_outside.fetch_add(u32::from(!has_power.load(SeqCst)), SeqCst);
            if theirs.acknowledge() { Claim::Claimed } else { Claim::Unclaimed }
        })
        .device(&device)
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    let claimed = || interrupt.stats().claimed;
    let mut asserted = 0;
    // Exits that the device asserted its line through.
    let mut kept = 0;
    for _ in 0..CYCLES {
        let entered = device.enter_d0().map_err(Failure::of_the_run)?;
        ensure((entered.transition(), interrupt.state()) == (Transition::Done, State::Enabled), || {
            format!("D0 entry: {entered:?}, {:?}", interrupt.state())
        })?;
        until("what was asserted around the exit is claimed", || claimed() >= asserted).map_err(Failure::Run)?;
        for n in 1..=SERVED {
            edu.assert();
            until("it is served in D0", || claimed() >= asserted + n).map_err(Failure::Run)?;
        }
        asserted += SERVED;
        if rig.may_assert_unheard() {
            // Before the exit or after the next entry, but not in between.
            edu.assert();
            asserted += 1;
        }
        let exited = device.exit_d0().map_err(Failure::of_the_run)?;
        ensure((exited, interrupt.state()) == (Transition::Done, State::Disabled), || {
            format!("D0 exit: {exited:?}, {:?}", interrupt.state())
        })?;
        if rig.may_assert_unheard() {
            if claimed() == asserted {
                edu.assert();
                asserted += 1;
            }
            kept += 1;
            thread::sleep(OUT);
        }
    }
    let outside = outside.load(SeqCst);
    ensure(outside == 0, || format!("{outside} interrupts were delivered out of D0"))?;
    // All but what the device asserts at the end, out of D0.
    let expected = asserted - u64::from(kept > 0);
    ensure(claimed() == expected, || format!("{} claimed of {expected}", claimed()))?;
    Ok(format!(
        "{CYCLES} D0 cycles, {} claimed, asserted through {kept} of the exits, 0 delivered out of D0",
        claimed()
    ))
}
