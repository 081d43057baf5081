//! Why an interrupt is quarantined.

use core::{error, fmt};

use crate::cause::write_causes;
use crate::{Name, SourceError};

/// What put an interrupt into quarantine: it is disconnected, and stays so until the fault is cleared.
///
/// `{}` prints it without the error of the source, which [`source`](core::error::Error::source) returns; `{:#}` prints both.
///
/// ```
/// use interrupt_lock::{Callback, Fault};
///
/// let fault = Fault::Panicked { callback: Callback::Isr, message: "index out of bounds".into() };
/// assert_eq!(fault.to_string(), "the ISR panicked: index out of bounds");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A callback panicked (rule I12).
    Panicked {
        /// Which one.
        callback: Callback,
        /// What it said, where that is text.
        message: Name,
    },
    /// Nearly nothing of what was delivered was claimed (rule I10): the device is stuck, or another one's line is. An
    /// unclaimed delivery counts if the one before it is less than a tenth of a second old, so a slow line never adds
    /// up to a storm. Those of a message vector that no other device shares count as benign instead. Without the
    /// feature `std` there is no clock, and without a source nothing to disconnect: then there are no storms.
    Storm {
        /// How many were not claimed, …
        unclaimed: u32,
        /// … of how many.
        of: u32,
    },
    /// A callback has not returned in time (rule I17, [`Builder::overdue_after`](crate::Builder::overdue_after)). It is
    /// reported while it still runs, and so with the interrupt lock held by it: the one fault that does not quarantine.
    Overdue {
        /// Which one.
        callback: Callback,
        /// How long it was given.
        limit: core::time::Duration,
    },
    /// The source failed while it was being served.
    Source(SourceError),
}

impl core::error::Error for Fault {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { callback, message } => write!(f, "the {callback} panicked: {message}"),
            Self::Storm { unclaimed, of } => {
                write!(f, "a storm: {unclaimed} of the last {of} deliveries were not claimed")
            }
            Self::Overdue { callback, limit } => write!(f, "the {callback} has not returned for more than {limit:?}"),
            Self::Source(_) => f.write_str("the source failed"),
        }?;
        write_causes(f, error::Error::source(self))
    }
}

/// Which of an interrupt's callbacks.
///
/// ```
/// assert_eq!(interrupt_lock::Callback::WorkItem.to_string(), "work item");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Callback {
    /// The interrupt service routine.
    Isr,
    /// The enable callback.
    Enable,
    /// The disable callback.
    Disable,
    /// The removal callback.
    Removal,
    /// The work item.
    WorkItem,
    /// A closure given to [`run_or_defer`](crate::InterruptObject::run_or_defer).
    Deferred,
    /// A method of the source: not the driver's, but somebody's all the same.
    Source,
    /// The waker of an async listener: its executor's.
    Waker,
    /// The destructor of something that a callback owns, or of the source, at the end of the interrupt.
    Destructor,
}

impl fmt::Display for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isr => "ISR",
            Self::Enable => "enable callback",
            Self::Disable => "disable callback",
            Self::Removal => "removal callback",
            Self::WorkItem => "work item",
            Self::Deferred => "deferred closure",
            Self::Source => "source",
            Self::Waker => "waker",
            Self::Destructor => "destructor",
        })
    }
}

/// Which of a device's callbacks.
///
/// ```
/// assert_eq!(interrupt_lock::DeviceCallback::D0Entry.to_string(), "D0-entry callback");
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceCallback {
    /// Before the interrupts are enabled.
    D0Entry,
    /// After they have been.
    InterruptsEnabled,
    /// Before they are disabled.
    DisablingInterrupts,
    /// After they have been.
    D0Exit,
    /// The closure given to [`Device::reset`](crate::Device::reset).
    Reset,
}

#[cfg(feature = "alloc")]
impl fmt::Display for DeviceCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::D0Entry => "D0-entry callback",
            Self::InterruptsEnabled => "interrupts-enabled callback",
            Self::DisablingInterrupts => "disabling-interrupts callback",
            Self::D0Exit => "D0-exit callback",
            Self::Reset => "reset",
        })
    }
}
