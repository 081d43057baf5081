//! The causes of errors: a source, the operating system, a driver's callback.

use core::{error, fmt};

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, sync::Arc, vec::Vec};

use crate::name::Name;

/// With `{:#}`, writes the causes of what has been written, the nearest first: "a: b: c". With `{}`, writes nothing.
pub(crate) fn write_causes(f: &mut fmt::Formatter<'_>, nearest: Option<&(dyn error::Error + 'static)>) -> fmt::Result {
    let mut next = nearest.filter(|_| f.alternate());
    while let Some(cause) = next {
        write!(f, ": {cause}")?;
        next = cause.source();
    }
    Ok(())
}

/// Why a source failed: the cause in errors and faults, and what a [`Source`](crate::source::Source) of your own
/// returns.
///
/// `{}` prints what failed. `{:#}` also prints the system's error, which [`source`](core::error::Error::source)
/// returns.
///
/// ```
/// use interrupt_lock::SourceError;
///
/// let error = SourceError::os("reading /dev/uio0", &std::io::Error::from_raw_os_error(5));
/// assert_eq!(format!("{error}"), "reading /dev/uio0");
/// assert!(format!("{error:#}").starts_with("reading /dev/uio0: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The device has been removed.
    Removed,
    /// The message number is beyond the vectors that the system has granted to the device ([rule
    /// I11](crate::guide::contract#i11)).
    NotGranted {
        /// The message number that was asked for.
        message: u32,
        /// How many vectors were granted.
        granted: u32,
    },
    /// A shared line signals, and no member claims it ([rule I10](crate::guide::contract#i10)). It becomes
    /// [`Fault::Storm`](crate::Fault::Storm) of each member.
    Storm {
        /// How many signals were not claimed.
        unclaimed: u32,
        /// How many signals were counted.
        of: u32,
    },
    /// The operating system returned an error.
    Os {
        /// The operation, with its file or device, such as "reading /dev/uio0".
        doing: Name,
        /// The system's error. Its `raw()` returns the number, and `std::io::Error::from` converts it.
        source: Errno,
    },
    /// The source can't do what was asked. The text says why.
    Refused(Name),
    /// The device was to be opened in one of several ways, and each of them failed: which ways, in the order in which
    /// they were tried, and why. `{}` prints them all, with their causes.
    #[cfg(feature = "alloc")]
    Ways(Arc<Vec<(Name, SourceError)>>),
}

#[cfg(feature = "std")]
impl SourceError {
    /// Makes the error of a system call that failed, in a source of your own. `doing` says what the call did, and to
    /// what.
    ///
    /// An error that the system gave no number becomes a [`Refused`](Self::Refused) with its text.
    ///
    /// ```
    /// use interrupt_lock::SourceError;
    ///
    /// let opened = std::fs::File::open("/dev/nothing-there");
    /// let error = opened.map_err(|error| SourceError::os("opening /dev/nothing-there", &error)).unwrap_err();
    /// assert!(format!("{error:#}").starts_with("opening /dev/nothing-there: "));
    /// ```
    #[must_use]
    pub fn os(doing: impl Into<Name>, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(raw) => Self::Os { doing: doing.into(), source: Errno::new(raw) },
            None => Self::Refused(std::format!("{}: {error}", doing.into()).into()),
        }
    }
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
            #[cfg(feature = "alloc")]
            Self::Ways(ways) => ways.iter().enumerate().try_for_each(|(number, (way, why))| {
                let separator = if number == 0 { "" } else { "; " };
                write!(f, "{separator}{way}: {why:#}")
            }),
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

/// An error number of the operating system, such as `EACCES`. Prints the system's text for it.
///
/// ```
/// use interrupt_lock::Errno;
/// assert_eq!(Errno::new(13).raw(), 13);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    /// Makes an error of the number `raw`.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Errno::new(2).raw(), 2);
    /// ```
    #[must_use]
    pub const fn new(raw: i32) -> Self {
        Self(raw)
    }

    /// Returns the number.
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

#[cfg(feature = "alloc")]
type Cause = Arc<dyn core::error::Error + Send + Sync>;
#[cfg(not(feature = "alloc"))]
type Cause = &'static str;

/// The error that a driver's callback returned, kept as the cause of the crate's error.
///
/// Without the feature `alloc` it is a text that is known at compile time.
///
/// ```
/// let error = interrupt_lock::CallbackError::new("no clock");
/// assert_eq!(error.to_string(), "no clock");
/// ```
#[derive(Clone)]
pub struct CallbackError(Cause);

impl CallbackError {
    /// Keeps an error of any type.
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

    /// Keeps a text.
    #[cfg(not(feature = "alloc"))]
    #[must_use]
    pub const fn new(error: &'static str) -> Self {
        Self(error)
    }

    /// Returns the driver's own error. Use `downcast_ref` to get at its type.
    ///
    /// ```
    /// use interrupt_lock::CallbackError;
    ///
    /// let error = CallbackError::new(std::io::Error::from_raw_os_error(5));
    /// let cause = error.get().downcast_ref::<std::io::Error>();
    /// assert_eq!(cause.and_then(|cause| cause.raw_os_error()), Some(5));
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
