//! How failed system calls become errors, and what two kinds of descriptor have in common.

use std::{fs, path::Path, string::String};

use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{FdFlags, fcntl_setfd, retry_on_intr},
    time::Timespec,
};

use crate::{Error, ErrorKind, Name, SourceError};

/// Says what was being done when a system call failed; for `map_err`.
pub(crate) fn failed(doing: impl Into<Name>) -> impl FnOnce(rustix::io::Errno) -> SourceError {
    |errno| SourceError::Os { doing: doing.into(), source: errno.into() }
}

/// As [`failed`], for a device that was there: where there is none any more, it has been removed.
pub(crate) fn device_failed(doing: impl Into<Name>) -> impl FnOnce(rustix::io::Errno) -> SourceError {
    |errno| match errno {
        rustix::io::Errno::NODEV => SourceError::Removed,
        errno => failed(doing)(errno),
    }
}

/// A sentence that says why something can't be had.
pub(crate) fn refused(why: impl Into<Name>) -> SourceError {
    SourceError::Refused(why.into())
}

/// Says which device the failure is about; for `map_err`.
pub(crate) fn opening(device: impl Into<Name>) -> impl FnOnce(SourceError) -> Error {
    |error| Error::new(device.into(), ErrorKind::Open(error))
}

/// A descriptor that somebody else opened is made what ours are: non-blocking and closed on exec.
pub(crate) fn adopt(file: BorrowedFd<'_>) -> rustix::io::Result<()> {
    fcntl_setfl(file, fcntl_getfl(file)? | OFlags::NONBLOCK)?;
    fcntl_setfd(file, FdFlags::CLOEXEC)
}

/// Takes an eventfd's count and leaves it at 0; 0 if there was none.
pub(crate) fn take_count(eventfd: impl AsFd) -> rustix::io::Result<u64> {
    let mut count = [0; 8];
    match retry_on_intr(|| rustix::io::read(&eventfd, &mut count)) {
        Ok(8) => Ok(u64::from_ne_bytes(count)),
        Ok(_) => Err(rustix::io::Errno::INVAL),
        Err(rustix::io::Errno::AGAIN) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// Which of `events` the descriptor shows at this moment.
pub(crate) fn shows(file: impl AsFd, events: rustix::event::PollFlags) -> bool {
    let mut poll = [rustix::event::PollFd::new(&file, events)];
    let now = Timespec::default();
    retry_on_intr(|| rustix::event::poll(&mut poll, Some(&now))).is_ok() && poll[0].revents().intersects(events)
}

/// The text of a file in sysfs or proc, without its line end.
pub(crate) fn attribute(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().into())
}

/// A number in sysfs, in either of the two ways that it writes them.
pub(crate) fn number(path: impl AsRef<Path>) -> Option<u64> {
    let text = attribute(path)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The last part of what a symbolic link points to: the name of a driver, a subsystem, a group.
pub(crate) fn link_name(path: impl AsRef<Path>) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}
