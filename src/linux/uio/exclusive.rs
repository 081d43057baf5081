//! A UIO device is one source's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::SourceError;
use crate::system::{failed, refused};

/// A device's file, locked: the kernel tells every opener of every interrupt, so a second source would unmask the line
/// that the first one's ISR still works on.
#[derive(Debug)]
pub(super) struct Exclusive(OwnedFd);

impl Exclusive {
    /// To be taken before anything is done to the device: it may be another's.
    pub(super) fn take(device: OwnedFd) -> Result<Self, SourceError> {
        match flock(&device, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(device)),
            Err(Errno::WOULDBLOCK) => Err(refused("it is in use already: a UIO device is one source's at a time")),
            Err(errno) => Err(failed("locking it")(errno)),
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Closing it isn't enough: registers that are mapped from the same file keep that open. It can't fail for a lock
        // that is held, and nobody waits for one.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl AsFd for Exclusive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
