//! What a UIO device answers.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::system::call::Failure;
use crate::system::descriptors::{Found, read_now, read_unblocked, write_whole};

/// What a device answers when its line is to be masked or unmasked by a write.
#[derive(Debug)]
pub(crate) enum Control {
    Done,
    /// Its driver takes no such writes.
    NotByWriting,
    NoInterrupt,
    Gone,
}

/// Writes 1 to unmask the line, or 0 to mask it.
pub(crate) fn control(device: impl AsFd, on: bool) -> Result<Control, Failure> {
    match write_whole(device.as_fd(), &u32::from(on).to_ne_bytes()) {
        Ok(()) => Ok(Control::Done),
        Err(failure) => match failure.errno {
            Errno::NOSYS => Ok(Control::NotByWriting),
            Errno::IO => Ok(Control::NoInterrupt),
            Errno::INVAL => Ok(Control::Gone),
            _ => Err(failure),
        },
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
        Ok(Found::Bytes(0)) | Err(Failure { errno: Errno::IO, .. }) => Ok(Counted::Gone),
        Ok(Found::Bytes(_)) => Ok(Counted::NoCount),
        Err(failure) => Err(failure),
    }
}
