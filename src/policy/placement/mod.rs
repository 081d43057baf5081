//! Asks the system for what a policy says (rule P2). A refusal is reported and is no error: the interrupt is served all the
//! same.

#[cfg(all(target_os = "linux", not(loom)))]
mod linux;
#[cfg(any(test, loom, not(target_os = "linux")))]
#[cfg_attr(all(target_os = "linux", not(loom)), expect(dead_code, reason = "tested here, used elsewhere"))]
mod other;

#[cfg(all(target_os = "linux", not(loom)))]
use linux as system;
#[cfg(not(all(target_os = "linux", not(loom))))]
use other as system;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::info::{Info, ProcessorSet};
use crate::name::Name;
use crate::policy::{Affinity, Policy};

pub(crate) use system::{ThreadId, ask};

/// The thread and the interrupt that a policy is asked for.
pub(crate) struct Target<'a> {
    /// The thread that serves this interrupt and no other, or why there is none.
    pub(crate) thread: Result<ThreadId, SourceError>,
    /// The device's directory in sysfs.
    #[cfg(target_os = "linux")]
    pub(crate) sysfs: Option<std::path::PathBuf>,
    pub(crate) info: &'a Info,
}

/// Refuses a policy whose processor set is empty, or has processors that the machine does not have.
pub(crate) fn check(policy: &Policy, interrupt: &Name) -> Result<(), Error> {
    let Some(Affinity::Specified(set)) = policy.affinity else { return Ok(()) };
    if set.mask() == 0 {
        return Err(Error::new(interrupt.clone(), ErrorKind::NoProcessors));
    }
    match system::missing(set) {
        Some(processors) => Err(Error::new(interrupt.clone(), ErrorKind::NoSuchProcessors { processors })),
        None => Ok(()),
    }
}

/// Returns those of `set` that `machine` does not have, or `None` if it has them all.
fn missing(set: ProcessorSet, machine: impl Fn(usize) -> bool) -> Option<ProcessorSet> {
    let first = usize::from(set.group()) * 64;
    let mask = set.numbers().filter(|&number| !machine(number)).fold(0, |mask, number| mask | 1 << (number - first));
    (mask != 0).then_some(ProcessorSet::new(mask).in_group(set.group()))
}
