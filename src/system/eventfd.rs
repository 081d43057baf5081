//! Eventfds: counters that a descriptor shows.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::EventfdFlags;

use crate::system::call::{Call, Failure, call};
use crate::system::descriptors::{Found, read_now, write_whole};

/// A count that some file gives, and that isn't what its kind gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// So many signals since the last look. 0: none.
    Of(u64),
    /// It gives no counts of 8 bytes, so it is no eventfd.
    NoCount,
}

/// Makes an eventfd: non-blocking, closed on exec, never in semaphore mode.
pub(crate) fn eventfd() -> Result<OwnedFd, Failure> {
    call(Call::Eventfd, || rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC))
}

/// How many looks one [`take_count`] makes. A semaphore's count is taken one by one, and others may count it up again.
const LOOKS: u32 = 4096;

/// Takes an eventfd's count and leaves it at 0. `whole` says that one look takes all of it: it is in no semaphore mode.
pub(crate) fn take_count(eventfd: impl AsFd, whole: bool) -> Result<Count, Failure> {
    let mut sum = 0_u64;
    for _ in 0..if whole { 1 } else { LOOKS } {
        let mut count = [0; 8];
        match read_now(eventfd.as_fd(), &mut count)? {
            Found::Bytes(8) => sum = sum.saturating_add(u64::from_ne_bytes(count)),
            Found::Bytes(_) => return Ok(Count::NoCount),
            Found::Nothing => break,
        }
    }
    Ok(Count::Of(sum))
}

/// Counts an eventfd up by one. A counter that is full stays so: it is readable already.
pub(crate) fn signal(eventfd: impl AsFd) -> Result<(), Failure> {
    use rustix::io::Errno;
    match write_whole(eventfd.as_fd(), &1_u64.to_ne_bytes()) {
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(()),
        written => written,
    }
}
