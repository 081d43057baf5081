//! Children that a driver forks try its interrupt and drop it, while its device asserts it (rule I20).

use std::sync::Arc;

use interrupt_lock::{Claim, ErrorKind, Interrupt, NoWorkItem};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, under_assertions};
use interrupt_lock::test_kit::{Device as _, Rig};
use support::forks::in_a_child;
use support::kind;

const CHILDREN: u64 = 20;
/// How many are served after each child.
const SERVED: u64 = 20;

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => fork(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        Device::Vfio { address, msi: false } => fork(&VfioLine(Slot::of_address(address))),
        Device::Vfio { address, msi: true } => fork(&VfioMessage(Slot::of_address(address))),
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

/// Caught: a source that the child disconnects as it drops it.
fn fork<R: Rig<Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let theirs = edu.clone();
    let interrupt = Interrupt::<_, NoWorkItem>::builder(())
        .isr(move |_| if theirs.acknowledge() { Claim::Claimed } else { Claim::Unclaimed })
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    let (object, mut interrupt) = (interrupt.object().clone(), Some(interrupt));
    let claimed = || object.stats().claimed;
    let asserted = under_assertions(&edu, claimed, |more_are_served| {
        (0..CHILDREN).try_for_each(|_| {
            in_a_child(|| {
                assert!(matches!(kind(&object.enable()), Some(ErrorKind::Forked)));
                drop(interrupt.take());
            });
            more_are_served(SERVED)
        })
    })?;
    drop(interrupt.take());
    let stats = object.stats();
    ensure(stats.claimed == asserted, || format!("{asserted} were asserted, and {} claimed", stats.claimed))?;
    Ok(format!("{asserted} served beside {CHILDREN} children"))
}
