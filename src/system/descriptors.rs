//! Descriptors, whatever is behind them: adopting, duplicating, looking, writing.
//!
//! Others may have the same file open. They may make it blocking, or read what it has shown. So no look here relies on
//! `O_NONBLOCK`, or on what an earlier look has shown (rule I18).

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{
        Errno, FdFlags, IoSliceMut, ReadWriteFlags, Result as Answer, fcntl_dupfd_cloexec, fcntl_setfd, preadv2, read,
        write, writev,
    },
    time::Timespec,
};

use crate::system::call::{Call, Failure, call};

/// Makes a descriptor that other code opened as ours are: non-blocking and closed on exec.
pub(crate) fn adopt(file: BorrowedFd<'_>) -> Result<(), Failure> {
    unblock(file)?;
    close_on_exec(file)
}

/// Has a descriptor that other code opened closed on exec.
pub(crate) fn close_on_exec(file: BorrowedFd<'_>) -> Result<(), Failure> {
    call(Call::Flags, || fcntl_setfd(file, FdFlags::CLOEXEC))
}

pub(super) fn unblock(file: BorrowedFd<'_>) -> Result<(), Failure> {
    set_blocking(file, false)
}

/// Makes a file blocking, or non-blocking, for all that have it open.
pub(crate) fn set_blocking(file: impl AsFd, blocking: bool) -> Result<(), Failure> {
    let flags = call(Call::Flags, || fcntl_getfl(&file))?;
    if flags.contains(OFlags::NONBLOCK) != blocking {
        return Ok(());
    }
    call(Call::Flags, || fcntl_setfl(&file, flags ^ OFlags::NONBLOCK))
}

/// Returns whether the descriptor is closed on exec.
#[cfg(any(feature = "test-kit", doc))]
pub(crate) fn is_closed_on_exec(file: BorrowedFd<'_>) -> Result<bool, Failure> {
    Ok(call(Call::Flags, || rustix::io::fcntl_getfd(file))?.contains(FdFlags::CLOEXEC))
}

/// Duplicates a descriptor. The duplicate is closed on exec.
pub(crate) fn duplicate(file: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    call(Call::Duplicate, || fcntl_dupfd_cloexec(file, 0))
}

/// What a look at a descriptor has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many bytes. None at all: it is at its end.
    Bytes(usize),
    /// Nothing at this moment.
    Nothing,
}

/// Reads what is there at this moment. Never waits.
pub(super) fn read_now(file: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Found, Failure> {
    // The position `u64::MAX` stands for the file's own.
    let looked = call(Call::ReadNow, || preadv2(file, &mut [IoSliceMut::new(bytes)], u64::MAX, ReadWriteFlags::NOWAIT));
    match looked {
        // The kernel, a filter, or this kind of file has no such look.
        Err(failure) if matches!(failure.errno, Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            read_unblocked(file, bytes)
        }
        looked => found(looked),
    }
}

/// Returns whether an eventfd can be looked at without waiting, whatever its flags are: neither the kernel nor a filter refuses
/// the call.
pub(crate) fn can_look(eventfd: impl AsFd) -> bool {
    // An eventfd has no room for a count here, so it gives none away, and says that.
    let mut bytes = [0; 4];
    let look = || preadv2(&eventfd, &mut [IoSliceMut::new(&mut bytes)], u64::MAX, ReadWriteFlags::NOWAIT);
    call(Call::ReadNow, look).is_err_and(|failure| failure.errno == Errno::INVAL)
}

/// As [`read_now`], for a kind of file that the kernel can't look at without waiting.
pub(super) fn read_unblocked(file: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Found, Failure> {
    unblock(file)?;
    found(call(Call::Read, || read(file, &mut *bytes)))
}

/// Reads what is there, and sleeps until something is. Finds nothing if the file is non-blocking.
pub(super) fn read_asleep(file: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Found, Failure> {
    found(call(Call::Read, || read(file, &mut *bytes)))
}

fn found(read: Result<usize, Failure>) -> Result<Found, Failure> {
    match read {
        Ok(bytes) => Ok(Found::Bytes(bytes)),
        Err(Failure { errno: Errno::AGAIN, .. }) => Ok(Found::Nothing),
        Err(failure) => Err(failure),
    }
}

/// Writes all of `bytes` at once, to a file that takes them whole.
pub(super) fn write_whole(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Failure> {
    call(Call::Write, || write(file, bytes)).map(drop)
}

/// As [`write_whole`], by another call.
pub(super) fn write_otherwise(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Failure> {
    call(Call::WriteVector, || writev(file, &[IoSlice::new(bytes)])).map(drop)
}

/// Returns whether the descriptor shows one of `events` at this moment.
fn shows(file: BorrowedFd<'_>, events: PollFlags) -> Result<bool, Failure> {
    let mut polled = [PollFd::new(&file, events)];
    let now = Timespec::default();
    call(Call::Poll, || -> Answer<usize> { poll(&mut polled, Some(&now)) })?;
    Ok(polled[0].revents().intersects(events))
}

/// Sleeps until there is something to be read.
pub(crate) fn sleep_until_readable(file: impl AsFd) -> Result<(), Failure> {
    call(Call::Poll, || poll(&mut [PollFd::new(&file, PollFlags::IN)], None)).map(drop)
}

/// Returns whether there is something to be read.
pub(crate) fn is_readable(file: impl AsFd) -> Result<bool, Failure> {
    shows(file.as_fd(), PollFlags::IN)
}

/// Returns whether something can be written at once.
pub(crate) fn is_writable(file: impl AsFd) -> Result<bool, Failure> {
    shows(file.as_fd(), PollFlags::OUT)
}

/// Returns whether the descriptor shows an error.
pub(crate) fn shows_error(file: impl AsFd) -> Result<bool, Failure> {
    shows(file.as_fd(), PollFlags::ERR)
}
