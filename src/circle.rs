//! A circle of waits, as errors and panics tell of it.

use core::error;
use core::fmt;
use core::panic::Location;

use crate::name::Name;

/// A circle of waits across threads, for the message of an error ([rule L13](crate::guide::contract#l13)).
///
/// It says what the calling thread asked for, and what it owns itself that the owner of the former waits for, directly
/// or through others. It is the [source](core::error::Error::source) of an error, so `{:#}` prints it.
///
/// ```
/// use interrupt_lock::InterruptLock;
/// use std::{error::Error, sync::Barrier, thread, time::Duration};
///
/// let (first, second, both) = (InterruptLock::new(1), InterruptLock::new(2), Barrier::new(2));
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         let _first = first.acquire_interrupt_lock();
///         both.wait();
///         drop(second.acquire_interrupt_lock()); // waits for the other thread
///     });
///     let second = second.acquire_interrupt_lock();
///     both.wait();
///     // In the other order. The other thread may still be on its way to its wait: then this one looks again.
///     let error = loop {
///         let error = first.try_acquire_interrupt_lock_for(Duration::from_millis(1)).unwrap_err();
///         if error.source().is_some() {
///             break error;
///         }
///     };
///     assert!(format!("{error:#}").contains("waits for the interrupt lock"));
///     drop(second);
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Circle {
    /// What the thread asked for.
    pub(crate) wanted: Part,
    /// What the thread owns, and the last thread of the circle waits for.
    pub(crate) held: Part,
}

/// A part of a circle: what a thread waits for.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) name: Option<Name>,
    /// The place that acquired it, if it is an interrupt lock.
    pub(crate) taken_at: Option<&'static Location<'static>>,
}

/// The kinds of things that a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An interrupt lock.
    Lock,
    /// The end of another transition of an interrupt.
    Transition,
    /// A run of a work item.
    WorkItem,
    /// The callback lock of a device.
    #[cfg(feature = "alloc")]
    CallbackLock,
    /// The end of another transition of a device.
    #[cfg(feature = "alloc")]
    Power,
    /// The end of a thread of the crate.
    #[cfg(feature = "std")]
    Thread,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the owner of {} waits for {}, which belongs to this thread", self.wanted, self.held)
    }
}

impl error::Error for Circle {}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Lock => "the interrupt lock",
            Kind::Transition => "a transition",
            Kind::WorkItem => "the work item's run",
            #[cfg(feature = "alloc")]
            Kind::CallbackLock => "the callback lock",
            #[cfg(feature = "alloc")]
            Kind::Power => "a transition of the device",
            #[cfg(feature = "std")]
            Kind::Thread => "a thread of the crate",
        })?;
        if let Some(name) = &self.name {
            write!(f, " of {name}")?;
        }
        match (self.kind, self.taken_at) {
            (Kind::Lock, Some(at)) => write!(f, " (acquired at {at})"),
            _ => Ok(()),
        }
    }
}
