//! What descriptors of several kinds share.

use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, BorrowedFd},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, FdFlags, Result, fcntl_setfd, read, retry_on_intr},
    time::Timespec,
};

/// Makes a descriptor that other code opened as ours are: non-blocking and closed on exec.
pub(crate) fn adopt(file: BorrowedFd<'_>) -> Result<()> {
    fcntl_setfl(file, fcntl_getfl(file)? | OFlags::NONBLOCK)?;
    fcntl_setfd(file, FdFlags::CLOEXEC)
}

/// Takes an eventfd's count and leaves it at 0. Returns 0 if there was none.
pub(crate) fn take_count(eventfd: impl AsFd) -> Result<u64> {
    let mut count = [0; 8];
    match retry_on_intr(|| read(&eventfd, &mut count)) {
        Ok(8) => Ok(u64::from_ne_bytes(count)),
        Ok(_) => Err(Errno::INVAL),
        Err(Errno::AGAIN) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// Returns whether the descriptor shows one of `events` at this moment.
pub(crate) fn shows(file: impl AsFd, events: PollFlags) -> bool {
    let mut polled = [PollFd::new(&file, events)];
    let now = Timespec::default();
    retry_on_intr(|| poll(&mut polled, Some(&now))).is_ok() && polled[0].revents().intersects(events)
}
