//! How failed calls become errors.

use std::format;

use rustix::io::Errno;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::system::call::Failure;

/// Says what was being done when a call failed, and which call that was. For `map_err`.
pub(crate) fn failed(doing: impl Into<Name>) -> impl FnOnce(Failure) -> SourceError {
    |failure| SourceError::Os {
        doing: format!("{}: {failure}", doing.into()).into(),
        source: crate::cause::Errno::new(failure.errno.raw_os_error()),
    }
}

/// As [`failed`], for a device that has been opened. If there is no such device any more, it has been removed.
pub(crate) fn device_failed(doing: impl Into<Name>) -> impl FnOnce(Failure) -> SourceError {
    |failure| match failure.errno {
        Errno::NODEV => SourceError::Removed,
        _ => failed(doing)(failure),
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
