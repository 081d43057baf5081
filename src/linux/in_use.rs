//! Which of the kernel's objects are sources of this process (rule I18): two sources on one object would each get a part of
//! what it signals.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::sync::Process;

/// What stays the same however many descriptors an object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// The number that the kernel gives an eventfd.
    Eventfd(u64),
    /// A GPIO chip, and the first line of a request: a line belongs to one request at a time.
    #[cfg(feature = "gpio")]
    GpioLine(u32, u32),
    /// The file system, whose number has 32 bits in the kernel, and the number of a file.
    #[cfg(feature = "uio")]
    File(u32, u64),
    /// The address of a PCI device, as hexadecimal digits without their separators.
    #[cfg(all(feature = "vfio", target_pointer_width = "64"))]
    Pci(u64),
}

#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
impl Identity {
    /// The device at a complete PCI address.
    pub(super) fn of_pci(address: &str) -> Self {
        Self::Pci(address.chars().filter_map(|c| c.to_digit(16)).fold(0, |all, digit| all << 4 | u64::from(digit)))
    }
}

/// The right to be the only source on an object.
#[derive(Debug)]
pub(super) struct Sole(Identity);

impl Sole {
    /// Returns `None` if another source has the object.
    pub(super) fn take(identity: Identity) -> Option<Self> {
        with(|objects| objects.insert(identity)).unwrap_or(true).then(|| Self(identity))
    }
}

impl Drop for Sole {
    fn drop(&mut self) {
        with(|objects| objects.remove(self.0));
    }
}

struct Objects {
    /// There may be thousands, so they are kept small: in the kernel the number is an `int`.
    eventfds: BTreeSet<u32>,
    others: BTreeSet<Identity>,
}

#[allow(unreachable_patterns, reason = "each other kind needs a feature")]
impl Objects {
    /// Returns `false` if the object is there already.
    fn insert(&mut self, identity: Identity) -> bool {
        match identity {
            Identity::Eventfd(number) => self.eventfds.insert(number as u32),
            other => self.others.insert(other),
        }
    }

    fn remove(&mut self, identity: Identity) {
        match identity {
            Identity::Eventfd(number) => self.eventfds.remove(&(number as u32)),
            other => self.others.remove(&other),
        };
    }
}

/// Changes what is in use in the first process that asks. Returns `None` in a child of that process: a thread that the child
/// has not may hold the lock there.
fn with<R>(change: impl FnOnce(&mut Objects) -> R) -> Option<R> {
    /// The number of that process. 0: none has asked.
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    static OBJECTS: Mutex<Objects> = Mutex::new(Objects { eventfds: BTreeSet::new(), others: BTreeSet::new() });
    let here = Process::this().number();
    // Relaxed: it publishes nothing. The lock orders the objects.
    let is_first = FIRST.compare_exchange(0, here, Relaxed, Relaxed).err().is_none_or(|first| first == here);
    is_first.then(|| change(&mut OBJECTS.lock().unwrap_or_else(PoisonError::into_inner)))
}
