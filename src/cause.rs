//! What causes a failure: the system, a source, a driver's callback.

use core::{error, fmt};

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, sync::Arc};

use crate::Name;

/// With `{:#}`, the causes behind what has been written, the nearest first: "a: b: c". With `{}`, nothing.
pub(crate) fn write_causes(f: &mut fmt::Formatter<'_>, nearest: Option<&(dyn error::Error + 'static)>) -> fmt::Result {
    let mut next = nearest.filter(|_| f.alternate());
    while let Some(cause) = next {
        write!(f, ": {cause}")?;
        next = cause.source();
    }
    Ok(())
}

/// Why a source could not do what it was asked.
///
/// `{}` prints what failed without the system's error number, which [`source`](core::error::Error::source) returns; `{:#}`
/// prints both.
///
/// ```
/// use interrupt_lock::{Errno, SourceError};
///
/// let error = SourceError::Os { doing: "reading /dev/uio0".into(), source: Errno::new(5) };
/// assert_eq!(format!("{error}"), "reading /dev/uio0");
/// assert!(format!("{error:#}").starts_with("reading /dev/uio0: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The device is gone.
    Removed,
    /// The device has fewer message vectors than this one's number asks for (rule I11).
    NotGranted {
        /// The message number that was asked for.
        message: u32,
        /// How many vectors the set has.
        granted: u32,
    },
    /// Nobody on a shared line claims what it signals (rule I10). It becomes [`Fault::Storm`](crate::Fault::Storm).
    Storm {
        /// How many were not claimed, …
        unclaimed: u32,
        /// … of how many.
        of: u32,
    },
    /// The operating system refused.
    Os {
        /// What was being done, with the file or device it was done to.
        doing: Name,
        /// The system's answer.
        source: Errno,
    },
    /// What was asked for can't be had here; the sentence says why.
    Refused(Name),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => f.write_str("the device has been removed"),
            Self::NotGranted { message, granted } => {
                write!(f, "message {message} was not granted: the device's vector set has {granted}")
            }
            Self::Storm { unclaimed, of } => {
                write!(f, "a storm: {unclaimed} of the last {of} signals were not claimed")
            }
            Self::Os { doing, .. } => write!(f, "{doing}"),
            Self::Refused(why) => write!(f, "{why}"),
        }?;
        write_causes(f, error::Error::source(self))
    }
}

impl error::Error for SourceError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// An error number of the operating system.
///
/// ```
/// use interrupt_lock::Errno;
/// assert_eq!(Errno::new(13).raw(), 13);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    /// The error number `raw`.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Errno::new(2).raw(), 2);
    /// ```
    #[must_use]
    pub const fn new(raw: i32) -> Self {
        Self(raw)
    }

    /// The number itself.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Errno::new(2).raw(), 2);
    /// ```
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }
}

impl core::fmt::Display for Errno {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        #[cfg(feature = "std")]
        return std::io::Error::from_raw_os_error(self.0).fmt(f);
        #[cfg(not(feature = "std"))]
        return write!(f, "os error {}", self.0);
    }
}

impl error::Error for Errno {}

#[cfg(feature = "std")]
impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.0)
    }
}

#[cfg(all(target_os = "linux", feature = "std"))]
impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}

#[cfg(feature = "alloc")]
type Inner = Arc<dyn core::error::Error + Send + Sync>;
#[cfg(not(feature = "alloc"))]
type Inner = &'static str;

/// The failure of an enable or disable callback: the driver's own error, kept whole.
///
/// Without the feature `alloc` it is a sentence known when the program was built.
///
/// ```
/// let error = interrupt_lock::CallbackError::new("no clock");
/// assert_eq!(error.to_string(), "no clock");
/// ```
#[derive(Clone)]
pub struct CallbackError(Inner);

impl CallbackError {
    /// Keeps any error.
    ///
    /// ```
    /// use interrupt_lock::CallbackError;
    ///
    /// let error = CallbackError::new(std::io::Error::from_raw_os_error(5));
    /// assert!(error.get().downcast_ref::<std::io::Error>().is_some());
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn new(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// Keeps a sentence.
    #[cfg(not(feature = "alloc"))]
    #[must_use]
    pub const fn new(error: &'static str) -> Self {
        Self(error)
    }

    /// The driver's own error, to be downcast.
    ///
    /// ```
    /// use interrupt_lock::CallbackError;
    ///
    /// assert_eq!(CallbackError::new("no clock").get().to_string(), "no clock");
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn get(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        write_causes(f, error::Error::source(self))
    }
}

impl fmt::Debug for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl core::error::Error for CallbackError {
    #[cfg(feature = "alloc")]
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}
