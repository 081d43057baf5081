//! The crate's one error.

use core::error;
use core::fmt;
use core::panic::Location;

use crate::cause::{CallbackError, SourceError, write_causes};
use crate::circle::Circle;
use crate::fault::Fault;
use crate::name::Name;

/// The error of this crate's functions: [what happened](Self::kind), and the [name](Self::name) of the interrupt or
/// device that it happened to.
///
/// A driver matches the kind. For people, there are two ways to print the error:
///
/// - `{}` prints the name and what happened, without the cause. [`source`](error::Error::source) returns the cause, so
///   a reporter that walks the causes prints each of them once.
/// - `{:#}` prints the name, what happened and all causes, on one line.
///
/// ```
/// use interrupt_lock::{Claim, ErrorKind, Interrupt};
///
/// let interrupt = Interrupt::builder(())
///     .name("edu0")
///     .isr(|_| Claim::Claimed)
///     .on_enable(|_| Err("no clock"))
///     .build()?;
///
/// let error = interrupt.enable().unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::EnableCallback(_)));
/// assert_eq!(error.name().as_str(), "edu0");
/// assert_eq!(format!("{error}"), "edu0: its enable callback failed");
/// assert_eq!(format!("{error:#}"), "edu0: its enable callback failed: no clock");
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    name: Name,
    kind: ErrorKind,
}

impl Error {
    pub(crate) fn new(name: Name, kind: ErrorKind) -> Self {
        Self { name, kind }
    }

    /// Returns what happened, for a driver to match.
    ///
    /// ```
    /// use interrupt_lock::{ErrorKind, InterruptLock};
    /// use std::time::Duration;
    ///
    /// let lock = InterruptLock::new(0);
    /// let guard = lock.acquire_interrupt_lock();
    /// match lock.try_acquire_interrupt_lock_for(Duration::from_millis(1)) {
    ///     Ok(_) => unreachable!(),
    ///     Err(error) => match error.kind() {
    ///         ErrorKind::Recursive { taken_at } => assert!(taken_at.line() > 0),
    ///         _ => panic!("{error:#}"),
    ///     },
    /// }
    /// ```
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Returns the name of the interrupt, lock or device that it happened to.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let refused = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).wake_capable().build();
    /// assert_eq!(refused.unwrap_err().name().as_str(), "edu0");
    /// ```
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.kind)?;
        write_causes(f, self.kind.cause())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.kind.cause()
    }
}

/// What happened, for a driver that handles an [`Error`]: from [`Error::kind`].
///
/// ```
/// use interrupt_lock::{Claim, ErrorKind, Interrupt, source::Software};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(Software::level().0).build()?;
/// match interrupt.enable() {
///     Ok(_) => {}
///     Err(error) => match error.kind() {
///         ErrorKind::Removed => { /* end the driver */ }
///         ErrorKind::Faulted(_) => { /* reset the device, then `clear_fault` and `enable` */ }
///         _ => return Err(error),
///     },
/// }
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The calling thread already holds the lock, so waiting for it would never end
    /// ([rule L4](crate::guide::contract#l4)).
    ///
    /// A mistake in the program: drop the guard first, or use the one that exists.
    Recursive {
        /// Where the thread acquired it.
        taken_at: &'static Location<'static>,
    },
    /// The lock was not free in time ([rule L8](crate::guide::contract#l8)). Nothing has been done; the call can be
    /// repeated.
    TimedOut,
    /// No ISR run has claimed in time ([rule A1](crate::guide::contract#a1)). Waiting again is no error.
    NoClaim,
    /// The condition did not hold in time for which
    /// [`try_acquire_interrupt_lock_when`](crate::InterruptObject::try_acquire_interrupt_lock_when) waited.
    ConditionUnmet,
    /// The call would have waited for itself, perhaps through other threads (rules [E4](crate::guide::contract#e4) and
    /// [L13](crate::guide::contract#l13)). Nothing has been done, except where `why` says so.
    ///
    /// A mistake in the program: make the call from another thread, or after the callback or section has ended.
    WouldDeadlock {
        /// What the calling thread is inside of, or what it would have waited for.
        why: &'static str,
        /// The circle of waits, if other threads are part of it. It is the error's source, too.
        circle: Option<Circle>,
    },
    /// A fault has taken the interrupt out of service.
    ///
    /// Bring the device into order, then call [`clear_fault`](crate::InterruptObject::clear_fault) and
    /// [`enable`](crate::InterruptObject::enable).
    Faulted(Fault),
    /// The device is gone ([rule I13](crate::guide::contract#i13)). Stop using it, and drop the interrupt.
    Removed,
    /// The owning handle was dropped, so the interrupt serves nothing any more.
    Ended,
    /// This process was forked from the one that built the interrupt, the dispatcher or the device ([rule
    /// I20](crate::guide::contract#i20)). None of the crate's threads is here. Build it after the fork.
    Forked,
    /// The enable callback failed; the connection has been undone, and the interrupt is disabled
    /// ([rule I4](crate::guide::contract#i4)).
    ///
    /// [`CallbackError::get`] returns what the callback returned.
    EnableCallback(CallbackError),
    /// The disable callback failed; the interrupt is disabled all the same.
    ///
    /// [`CallbackError::get`] returns what the callback returned.
    DisableCallback(CallbackError),
    /// The source could not be connected, disconnected or read.
    Source(SourceError),
    /// Sharing was asked for, and the source is not a level line ([rule I8](crate::guide::contract#i8)).
    NotShareable,
    /// Automatic serialization or waking was asked for, which takes a device, and the interrupt was built without
    /// [`Builder::device`](crate::Builder::device).
    NoDevice,
    /// [`polling`](crate::Builder::polling) or [`poll_when_silent`](crate::Builder::poll_when_silent) was set, and no
    /// dispatcher waits on a source of this interrupt.
    NothingToPoll,
    /// [`shared_worker`](crate::Builder::shared_worker) was set, and the interrupt has no dispatcher, so the driver itself
    /// runs the work item.
    NoDispatcher,
    /// The processor set of the policy is empty ([rule P1](crate::guide::contract#p1)).
    NoProcessors,
    /// The policy names processors that this machine does not have, or that are offline ([rule
    /// P1](crate::guide::contract#p1)).
    NoSuchProcessors {
        /// The processors that are missing.
        processors: crate::info::ProcessorSet,
    },
    /// A time of zero was given, in which nothing can be done.
    NoTime {
        /// The builder's method that it was given to.
        option: &'static str,
    },
    /// A callback of the device failed, or panicked ([rule E5](crate::guide::contract#e5)).
    #[cfg(feature = "alloc")]
    DeviceCallback {
        /// Which callback.
        callback: crate::fault::DeviceCallback,
        /// What it returned, or the message of its panic.
        error: CallbackError,
    },
    /// There is a listener already, and without the feature `alloc` room for one only ([rule
    /// A1](crate::guide::contract#a1)). Drop it first.
    Listened,
    /// A device, or something of it, could not be opened: its registers, its line, its messages, memory for its DMA.
    Open(SourceError),
    /// A thread of the dispatcher, or the thread that watches for
    /// [overdue callbacks](crate::Builder::overdue_after), could not be started.
    Dispatcher(SourceError),
    /// The statistics could not be published at that path, or are published no longer ([rule
    /// S4](crate::guide::contract#s4)).
    Publish(SourceError),
}

impl ErrorKind {
    fn cause(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::WouldDeadlock { circle: Some(circle), .. } => Some(circle),
            Self::Faulted(fault) => Some(fault),
            Self::EnableCallback(error) | Self::DisableCallback(error) => Some(error),
            #[cfg(feature = "alloc")]
            Self::DeviceCallback { error, .. } => Some(error),
            Self::Source(error) | Self::Open(error) | Self::Dispatcher(error) | Self::Publish(error) => Some(error),
            _ => None,
        }
    }
}

/// What happened, without the name and the cause.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recursive { taken_at } => {
                return write!(
                    f,
                    "this thread already holds the interrupt lock, acquired at {taken_at}: drop that guard first \
                     (if it has none, a thread that has ended leaked one)"
                );
            }
            Self::TimedOut => "the interrupt lock was not free in time",
            Self::NoClaim => "its ISR has claimed nothing in time",
            Self::ConditionUnmet => "its ISR has not brought about in time what was waited for",
            Self::WouldDeadlock { why, .. } => {
                return write!(f, "refused, because the call would wait for itself: {why}");
            }
            Self::Faulted(_) => "a fault has taken it out of service, until `clear_fault` is called",
            Self::Removed => "the device has been removed",
            Self::Ended => "the interrupt has ended: its owning handle was dropped",
            Self::Forked => "it belongs to the process from which this one was forked: build it here, after the fork",
            Self::EnableCallback(_) => "its enable callback failed",
            Self::DisableCallback(_) => "its disable callback failed",
            Self::Source(_) => "its source failed",
            Self::NotShareable => "its source cannot be shared, because it is not a level line",
            Self::NoDevice => "`automatic_serialization` and `wake_capable` need a `device`",
            Self::NothingToPoll => "`polling` and `poll_when_silent` need a source, and a dispatcher that waits on it",
            Self::NoDispatcher => "`shared_worker` needs a dispatcher, which an interrupt with a source has by default",
            Self::NoProcessors => "the processor set of its policy must not be empty",
            Self::NoSuchProcessors { processors } => {
                return write!(
                    f,
                    "its policy asks for processors that this machine does not have, or that are offline: {processors}"
                );
            }
            Self::NoTime { option } => return write!(f, "`{option}` must not be zero"),
            #[cfg(feature = "alloc")]
            Self::DeviceCallback { callback, .. } => return write!(f, "its {callback} failed"),
            Self::Listened => {
                "it already has a listener, and without an allocator there is one place: drop the other `Claims` first"
            }
            Self::Open(_) => "could not be set up",
            Self::Publish(_) => "statistics can't be published here",
            Self::Dispatcher(_) => "a thread that serves or watches it could not be started",
        })
    }
}
