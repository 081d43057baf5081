//! The crate's one error.

use core::panic::Location;

use thiserror::Error;

use crate::{CallbackError, Fault, Name, SourceError};

/// What can go wrong, with the interrupt that it went wrong for.
///
/// ```
/// use interrupt_lock::{Error, Name};
///
/// let error = Error::TimedOut { interrupt: Name::new("edu0") };
/// assert_eq!(error.to_string(), "edu0: the interrupt lock was not free in time");
/// ```
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The calling thread holds the lock already, so waiting for it would never end (rule L4).
    #[error(
        "{interrupt}: this thread holds the interrupt lock already, taken at {taken_at} \
         (or an ended thread that had its identity leaked a guard)"
    )]
    Recursive {
        /// Whose lock.
        interrupt: Name,
        /// Where it was taken.
        taken_at: &'static Location<'static>,
    },
    /// The lock was not free in time (rule L8).
    #[error("{interrupt}: the interrupt lock was not free in time")]
    TimedOut {
        /// Whose lock.
        interrupt: Name,
    },
    /// The call would have waited for itself (rule E4).
    #[error("{interrupt}: refused, it would wait for itself: {why}")]
    WouldDeadlock {
        /// The interrupt or device that the call was for.
        interrupt: Name,
        /// What the calling thread is inside of.
        why: &'static str,
    },
    /// The interrupt is quarantined by a fault; see `clear_fault`.
    #[error("{interrupt}: quarantined: {fault}")]
    Faulted {
        /// Which interrupt.
        interrupt: Name,
        /// Why.
        #[source]
        fault: Fault,
    },
    /// The device is gone (rule I13).
    #[error("{interrupt}: the device has been removed")]
    Removed {
        /// Whose device.
        interrupt: Name,
    },
    /// The owning handle was dropped.
    #[error("{interrupt}: the interrupt has ended")]
    Ended {
        /// Which interrupt.
        interrupt: Name,
    },
    /// The enable callback failed; the connection has been undone (rule I4).
    #[error("{interrupt}: its enable callback failed: {source}")]
    EnableCallback {
        /// Which interrupt.
        interrupt: Name,
        /// What the callback returned.
        source: CallbackError,
    },
    /// The disable callback failed; the interrupt is disabled all the same.
    #[error("{interrupt}: its disable callback failed: {source}")]
    DisableCallback {
        /// Which interrupt.
        interrupt: Name,
        /// What the callback returned.
        source: CallbackError,
    },
    /// The source could not be connected, disconnected or read.
    #[error("{interrupt}: {source}")]
    Source {
        /// Which interrupt.
        interrupt: Name,
        /// What the source says.
        source: SourceError,
    },
    /// Sharing was asked for, and the source is not a level line (rule I8).
    #[error("{interrupt}: only a level line can be shared")]
    NotShareable {
        /// Which interrupt.
        interrupt: Name,
    },
    /// What was asked for is a device's to give, and the interrupt was built into none.
    #[error("{interrupt}: automatic serialization and waking need a device")]
    NoDevice {
        /// Which interrupt.
        interrupt: Name,
    },
    /// A polling policy was given, and no dispatcher waits on a source of this interrupt.
    #[error("{interrupt}: a polling policy needs a source and a dispatcher that waits on it")]
    NothingToPoll {
        /// Which interrupt.
        interrupt: Name,
    },
    /// The processor set of the policy is empty (rule P1).
    #[error("{interrupt}: the processor set of its policy is empty")]
    NoProcessors {
        /// Which interrupt.
        interrupt: Name,
    },
    /// The policy names processors that are none of this machine's (rule P1).
    #[error("{interrupt}: its policy asks for processors that this machine does not have: {processors}")]
    NoSuchProcessors {
        /// Which interrupt.
        interrupt: Name,
        /// Those that there are not.
        processors: crate::ProcessorSet,
    },
    /// A time of zero was given, in which nothing can be done.
    #[error("{interrupt}: {what} needs more time than none")]
    NoTime {
        /// Which interrupt.
        interrupt: Name,
        /// Which of its options.
        what: &'static str,
    },
    /// A callback of the device failed, or panicked (rule E5).
    #[cfg(feature = "alloc")]
    #[error("{device}: its {callback} failed: {source}")]
    DeviceCallback {
        /// Which device.
        device: Name,
        /// Which callback.
        callback: crate::DeviceCallback,
        /// What it returned.
        source: CallbackError,
    },
    /// Another listener waits for the interrupt's claims (rule A1).
    #[error("{interrupt}: it has a listener already")]
    Listened {
        /// Which interrupt.
        interrupt: Name,
    },
    /// A device could not be opened.
    #[error("{device}: {source}")]
    Open {
        /// The device as it was asked for.
        device: Name,
        /// Why.
        source: SourceError,
    },
    /// A dispatcher could not be started.
    #[error("{interrupt}: its dispatcher could not be started: {source}")]
    Dispatcher {
        /// Which interrupt.
        interrupt: Name,
        /// The system's answer.
        source: SourceError,
    },
}
