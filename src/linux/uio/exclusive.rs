//! A UIO device belongs to one source at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::cause::SourceError;
use crate::linux::in_use::{Identity, Sole};
use crate::sync::Process;
use crate::system;
use crate::system::{failed, refused};

/// A device's file, locked. The kernel reports each interrupt to every opener. So a second source would unmask the line
/// while the first source's ISR still runs.
#[derive(Debug)]
pub(super) struct Exclusive {
    /// Duplicates of one descriptor share the lock. Given up before the file is closed, as that of an eventfd is.
    _sole: Sole,
    device: OwnedFd,
    process: Process,
}

impl Exclusive {
    /// Locks the file. To be done before anything else, because the device may belong to another source.
    pub(super) fn take(device: OwnedFd) -> Result<Self, SourceError> {
        let (system, number) = system::identity(&device).map_err(failed("looking it up"))?;
        let in_use = || refused("it is in use already: a UIO device is one source's at a time");
        let sole = Sole::take(Identity::File(system as u32, number)).ok_or_else(in_use)?;
        let locked = system::lock(&device).map_err(failed("locking it"))?;
        if locked { Ok(Self { _sole: sole, device, process: Process::this() }) } else { Err(in_use()) }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Closing the file isn't enough, because registers mapped from it keep it open. A forked child has the parent's lock.
        if self.process.is_this() {
            system::unlock(&self.device);
        }
    }
}

impl AsFd for Exclusive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
