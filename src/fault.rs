//! Why an interrupt is quarantined.

use core::fmt;

use thiserror::Error;

use crate::{Name, SourceError};

/// What put an interrupt into quarantine: it is disconnected, and stays so until the fault is cleared.
///
/// ```
/// use interrupt_lock::{Callback, Fault};
///
/// let fault = Fault::Panicked { callback: Callback::Isr, message: "index out of bounds".into() };
/// assert_eq!(fault.to_string(), "the ISR panicked: index out of bounds");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A callback panicked (rule I12).
    #[error("the {callback} panicked: {message}")]
    Panicked {
        /// Which one.
        callback: Callback,
        /// What it said, where that is text.
        message: Name,
    },
    /// The source failed while it was being served.
    #[error("the source failed: {0}")]
    Source(#[source] SourceError),
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
    /// A method of the source: not the driver's, but somebody's all the same.
    Source,
    /// The waker of an async listener: its executor's.
    Waker,
}

impl fmt::Display for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isr => "ISR",
            Self::Enable => "enable callback",
            Self::Disable => "disable callback",
            Self::Removal => "removal callback",
            Self::WorkItem => "work item",
            Self::Source => "source",
            Self::Waker => "waker",
        })
    }
}
