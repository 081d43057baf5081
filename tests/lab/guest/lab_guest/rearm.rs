//! A driver whose ISR arms its device again, and whose disable callback disarms it (rule E2).

use std::sync::Arc;

use interrupt_lock::{Claim, Interrupt};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, until};
use interrupt_lock::test_kit::{Device as _, Rig};

const CYCLES: u32 = 1000;
/// How many interrupts are claimed between an enable and the next disable.
const BETWEEN: u64 = 5;

/// What the ISR and the callbacks share.
#[derive(Default)]
struct Driver {
    /// Since a disable callback began, until the next enable callback has ended.
    disarmed: bool,
    runs: u64,
    armed: u64,
    /// ISR runs that began after a disable callback had begun.
    late: u64,
}

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => cycle(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        Device::Vfio { address, msi: false } => cycle(&VfioLine(Slot::of_address(address))),
        Device::Vfio { address, msi: true } => cycle(&VfioMessage(Slot::of_address(address))),
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

/// Disables the interrupt while its device computes and asserts without a pause, and looks at the device after each
/// disable.
///
/// Caught: a disable that runs the ISR for what was signalled after its callback instead of before it. It was undone in
/// 423 of 1,000 cycles on the line, and in 518 with messages.
fn cycle<R: Rig<Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let [isr, enable, disable] = [(); 3].map(|()| edu.clone());
    let interrupt = Interrupt::builder(Driver::default())
        .isr(move |driver| {
            driver.runs += 1;
            driver.late += u64::from(driver.disarmed);
            if !isr.acknowledge() {
                return Claim::Unclaimed;
            }
            isr.arm();
            driver.armed += 1;
            Claim::Claimed
        })
        .on_enable(move |driver| {
            enable.computed()?;
            enable.acknowledge();
            enable.arm();
            driver.disarmed = false;
            Ok::<_, String>(())
        })
        .on_disable(move |driver| {
            driver.disarmed = true;
            // The device is armed, so it asserts once more. An ISR run for this would arm it again.
            let asserted = until("the device asserts its interrupt", || disable.is_asserting());
            disable.disarm();
            asserted
        })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    let claimed = || interrupt.stats().claimed;
    let (mut undone, mut late) = (0, 0);
    for _ in 0..CYCLES {
        let enough = claimed() + BETWEEN;
        interrupt.enable().map_err(Failure::of_the_run)?;
        until("the device is served", || claimed() >= enough).map_err(Failure::Run)?;
        interrupt.disable().map_err(Failure::of_the_run)?;
        let control = edu.control();
        let before = std::mem::replace(&mut late, interrupt.acquire_interrupt_lock().late);
        undone += u32::from(control != 0 || late != before);
    }
    ensure(undone == 0, || format!("{undone} of {CYCLES} disables were undone by the ISR; {late} ISR runs were late"))?;
    let (stats, driver) = (interrupt.stats(), interrupt.acquire_interrupt_lock());
    let (delivered, claimed, stale) = (stats.delivered, stats.claimed, stats.stale);
    ensure((driver.runs, driver.armed) == (delivered, claimed), || {
        format!("{} ISR runs, {} armed the device; {stats:?}", driver.runs, driver.armed)
    })?;
    ensure(claimed + stats.spurious + stats.benign == delivered, || format!("neither claimed nor not: {stats:?}"))?;
    // Without any, no device has asserted its interrupt during a disable.
    ensure(stale > 0, || format!("nothing was signalled after a last ISR run: {stats:?}"))?;
    let coalesced = stats.coalesced;
    Ok(format!(
        "{undone} of {CYCLES} disables undone; {delivered} delivered, {claimed} claimed, {coalesced} coalesced, {stale} stale"
    ))
}
