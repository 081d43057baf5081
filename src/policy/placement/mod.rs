//! Asks the system for what a policy says (rule P2). A refusal is reported and is no error: the interrupt is served all the
//! same.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | what a policy is asked for, and which sets are refused | P1 |
//! | `linux`, `windows` | what is asked of these systems | P1, P2 |
//! | `other` | other systems, and loom models | P2 |
//! | `wish` | the processors that a policy stands for, and what became of them | P1 |
//! | `sets` | sets of processors | |

#[cfg(all(target_os = "linux", not(loom)))]
mod linux;
#[cfg(any(test, loom, not(any(target_os = "linux", windows))))]
#[cfg_attr(
    all(any(target_os = "linux", windows), not(loom)),
    expect(dead_code, reason = "tested here, used elsewhere")
)]
mod other;
#[cfg(all(any(target_os = "linux", windows), not(loom)))]
mod sets;
#[cfg(all(windows, not(loom)))]
mod windows;
#[cfg(all(any(target_os = "linux", windows), not(loom)))]
mod wish;

#[cfg(all(target_os = "linux", not(loom)))]
use linux as system;
#[cfg(any(loom, not(any(target_os = "linux", windows))))]
use other as system;
#[cfg(all(windows, not(loom)))]
use windows as system;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::info::{Info, ProcessorSet};
use crate::name::Name;
use crate::policy::{Affinity, Policy};

pub(crate) use system::{ThreadId, ask};

/// The thread and the interrupt that a policy is asked for.
pub(crate) struct Target<'a> {
    /// The thread that serves this interrupt and no other, or why there is none.
    pub(crate) thread: Result<&'a ThreadId, SourceError>,
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
