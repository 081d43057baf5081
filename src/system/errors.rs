//! How failed system calls become errors.

use rustix::io::Errno;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::name::Name;

/// Says what was being done when a system call failed. For `map_err`.
pub(crate) fn failed(doing: impl Into<Name>) -> impl FnOnce(Errno) -> SourceError {
    |errno| SourceError::Os { doing: doing.into(), source: crate::cause::Errno::new(errno.raw_os_error()) }
}

/// As [`failed`], for a device that has been opened. If there is no such device any more, it has been removed.
pub(crate) fn device_failed(doing: impl Into<Name>) -> impl FnOnce(Errno) -> SourceError {
    |errno| match errno {
        Errno::NODEV => SourceError::Removed,
        errno => failed(doing)(errno),
    }
}

/// Makes the error for a request that can't be met. The sentence says why.
pub(crate) fn refused(why: impl Into<Name>) -> SourceError {
    SourceError::Refused(why.into())
}

/// Says which device could not be opened. For `map_err`.
pub(crate) fn opening(device: impl Into<Name>) -> impl FnOnce(SourceError) -> Error {
    |source| Error::new(device.into(), ErrorKind::Open(source))
}
