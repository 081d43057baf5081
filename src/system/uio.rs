//! What a UIO device answers.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::system::call::{Call, Failure};
use crate::system::descriptors::{Found, read_now, read_unblocked, write_whole};

/// Writes 1 to unmask the line, or 0 to mask it.
pub(crate) fn control(device: impl AsFd, on: bool) -> Result<(), Failure> {
    write_whole(device.as_fd(), &u32::from(on).to_ne_bytes())
}

/// Why a device's line can't be masked by a write, as far as it helps to say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncontrolled {
    /// Its driver takes no such writes.
    NotByWriting,
    NoInterrupt,
    Gone,
    Otherwise,
}

impl Failure {
    /// What the refusal of [`control`] means.
    pub(crate) fn uncontrolled(self) -> Uncontrolled {
        match self.errno {
            Errno::NOSYS => Uncontrolled::NotByWriting,
            Errno::IO => Uncontrolled::NoInterrupt,
            Errno::INVAL => Uncontrolled::Gone,
            _ => Uncontrolled::Otherwise,
        }
    }
}

/// What a look at the device's count has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// How many interrupts there have been in all.
    InAll(u32),
    /// There has been none since the last look.
    NoMore,
    Gone,
    /// It gives no counts of 4 bytes.
    NoCount,
}

/// Reads the device's count. Never waits. `of_the_kernel` says that it is a UIO device, and no other file that plays one.
pub(crate) fn count(device: BorrowedFd<'_>, of_the_kernel: bool) -> Result<Counted, Failure> {
    let mut count = [0; 4];
    let read = if of_the_kernel { read_unblocked(device, &mut count) } else { read_now(device, &mut count) };
    match read {
        Ok(Found::Bytes(4)) => Ok(Counted::InAll(u32::from_ne_bytes(count))),
        Ok(Found::Nothing) => Ok(Counted::NoMore),
        // Of the read itself only: making the file non-blocking may fail, too.
        Ok(Found::Bytes(0)) | Err(Failure { call: Call::Read | Call::ReadNow, errno: Errno::IO }) => Ok(Counted::Gone),
        Ok(Found::Bytes(_)) => Ok(Counted::NoCount),
        Err(failure) => Err(failure),
    }
}
