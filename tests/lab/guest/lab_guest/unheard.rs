//! A device that asserts its line while nobody is connected.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{Claim, Interrupt};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Slot, VfioLine};
use interrupt_lock::test_kit::{Device as _, Rig};

/// How long it does: a storm would be many thousand interrupts.
const WHILE: Duration = Duration::from_millis(300);

/// Leaves the device asserting before the first enable and after a disable; each is delivered by the next enable.
pub fn run(device: &Device) -> Result<String, Failure> {
    let Device::Vfio { address, msi: false } = device else {
        return Err(Failure::usage("unheard goes with --vfio, and without --msi".into()));
    };
    let (source, edu) = VfioLine(Slot::of_address(address)).set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let isr = edu.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |_| if isr.acknowledge() { Claim::Claimed } else { Claim::Unclaimed })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    for claimed in 1..=3 {
        edu.assert();
        thread::sleep(WHILE);
        interrupt.enable().map_err(Failure::of_the_run)?;
        let since = Instant::now();
        while interrupt.stats().claimed < claimed {
            if since.elapsed() > Duration::from_secs(10) {
                let why = "a line asserted while it was disconnected was not delivered at the enable";
                return Err(Failure::Run(why.into()));
            }
            thread::yield_now();
        }
        interrupt.disable().map_err(Failure::of_the_run)?;
    }
    let claimed = interrupt.stats().claimed;
    Ok(format!("asserted for {} ms before each of 3 enables: {claimed} claimed", WHILE.as_millis()))
}
