//! Where threads run, and a source that can be placed.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::collections::BTreeSet;
use std::sync::mpsc::channel;

use interrupt_lock::source::{EdgeHandle, Source};
use interrupt_lock::{Claim, Interrupt, Policy, PolicyAnswer, ProcessorSet};

use super::receive;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(windows)]
pub use windows::*;

/// Numbers of processors: those of Linux; on Windows processor n of group g has the number 64 g + n.
pub type Processors = BTreeSet<usize>;

/// The set of this one processor.
pub fn only(number: usize) -> ProcessorSet {
    ProcessorSet::new(1 << (number % 64)).in_group(u16::try_from(number / 64).unwrap())
}

/// Returns the numbers in sets.
pub fn numbers(sets: &[ProcessorSet]) -> Processors {
    let of = |set: &ProcessorSet| {
        let (mask, first) = (set.mask(), usize::from(set.group()) * 64);
        (0..64).filter(move |bit| mask >> bit & 1 != 0).map(move |bit| first + bit)
    };
    sets.iter().flat_map(of).collect()
}

/// Returns how the ISR's thread is scheduled under `policy`, and the policy's answer.
pub fn served_with(policy: Policy, (source, assert): (impl Source + 'static, EdgeHandle)) -> (Seen, PolicyAnswer) {
    let (report, reported) = channel();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            report.send(seen()).unwrap();
            Claim::Claimed
        })
        .source(source)
        .policy(policy)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert.assert();
    let seen = receive(&reported);
    (seen, interrupt.policy_answer())
}
