//! Why an interrupt is out of service.

use core::{error, fmt};

use crate::cause::{SourceError, write_causes};
use crate::name::Name;

/// What took an interrupt out of service, for a driver that reports it or recovers.
///
/// A faulted interrupt is disconnected, and stays so until the driver [clears the
/// fault](crate::InterruptObject::clear_fault) and enables it again.
///
/// `{}` prints the fault. `{:#}` also prints the error of the source, which [`source`](core::error::Error::source)
/// returns.
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
    /// A callback panicked ([rule I12](crate::guide::contract#i12)).
    Panicked {
        /// The callback that panicked.
        callback: Callback,
        /// The panic's message, if it is text.
        message: Name,
    },
    /// Nearly none of the deliveries were claimed ([rule I10](crate::guide::contract#i10)): the device is stuck, or
    /// another device on the line is.
    ///
    /// An unclaimed delivery counts only if the unclaimed delivery before it is less than a tenth of a second old. So a
    /// slow line never adds up to a storm. Unclaimed deliveries of a message vector that only one device uses are
    /// benign and do not count. Without the feature `std` there is no clock, and without a source there is nothing to
    /// disconnect: in both cases there are no storms.
    Storm {
        /// How many deliveries were not claimed.
        unclaimed: u32,
        /// How many deliveries were counted.
        of: u32,
    },
    /// The source failed during a delivery, or the system refuses the dispatcher what it needs to wait on the source ([rule
    /// I19](crate::guide::contract#i19)).
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
            Self::Source(_) => f.write_str("the source failed"),
        }?;
        write_causes(f, error::Error::source(self))
    }
}

/// A callback that has not returned in the time that [`Builder::overdue_after`](crate::Builder::overdue_after) allows: what
/// [`overdue`](crate::InterruptObject::overdue) returns while the callback still runs ([rule
/// I17](crate::guide::contract#i17)).
///
/// It is no fault: an overdue callback may hold the interrupt lock, so the interrupt can't be disconnected, and stays in
/// service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overdue {
    /// The callback that has not returned.
    pub callback: Callback,
    /// How long it was allowed to run.
    pub limit: core::time::Duration,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} has not returned for more than {:?}", self.callback, self.limit)
    }
}

/// A callback of an interrupt, or other code from outside the crate that a fault may come from.
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
    /// The unmask callback.
    Unmask,
    /// The work item.
    WorkItem,
    /// A closure given to [`run_or_defer`](crate::InterruptObject::run_or_defer).
    Deferred,
    /// A method of the source.
    Source,
    /// The waker of an async listener. It belongs to the executor.
    Waker,
    /// A destructor at the end of the interrupt: that of the data, of the source, or of something that a callback owns.
    Destructor,
}

impl fmt::Display for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isr => "ISR",
            Self::Enable => "enable callback",
            Self::Disable => "disable callback",
            Self::Removal => "removal callback",
            Self::Unmask => "unmask callback",
            Self::WorkItem => "work item",
            Self::Deferred => "deferred closure",
            Self::Source => "source",
            Self::Waker => "waker",
            Self::Destructor => "destructor",
        })
    }
}

/// A callback of a device, named in errors.
///
/// ```
/// assert_eq!(interrupt_lock::DeviceCallback::D0Entry.to_string(), "D0-entry callback");
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceCallback {
    /// The callback that runs before the interrupts are enabled.
    D0Entry,
    /// The callback that runs after the interrupts have been enabled.
    InterruptsEnabled,
    /// The callback that runs before the interrupts are disabled.
    DisablingInterrupts,
    /// The callback that runs after the interrupts have been disabled.
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
