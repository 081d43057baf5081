//! The handles that assert a software source.

use std::sync::Arc;

use crate::source::software::shared::{Shared, Wakeup};
use crate::source::software::signal_word::SignalWord;

/// Asserts an [edge](super::Software::edge) or a [message](super::Software::message), from any thread.
///
/// No method blocks, allocates or panics. The interrupt's waker runs on the calling thread, with no lock of the source
/// held.
///
/// ```
/// use std::{task::Waker, thread};
/// use interrupt_lock::source::{Software, Source};
///
/// let (mut source, handle) = Software::edge();
/// source.connect(Waker::noop())?;
/// let other = handle.clone();
/// thread::spawn(move || other.assert()).join().unwrap();
/// handle.assert();
/// assert_eq!(source.take()?, 2);
/// # Ok::<(), interrupt_lock::SourceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EdgeHandle(Arc<Shared>);

impl EdgeHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Signals once. While the source is disconnected the edge is stale; see [`Software`](super::Software).
    ///
    /// If nothing takes from the source, its count ends at 2²⁶ − 1 (`usize` of 32 bits) or 2⁵⁸ − 1 (64 bits). Later
    /// edges are merged into it.
    ///
    /// ```
    /// use std::task::Waker;
    /// use interrupt_lock::source::{Software, Source};
    ///
    /// let (mut source, handle) = Software::message(0);
    /// source.connect(Waker::noop())?;
    /// handle.assert();
    /// assert_eq!(source.take()?, 1);
    /// # Ok::<(), interrupt_lock::SourceError>(())
    /// ```
    pub fn assert(&self) {
        self.signal().wake();
    }

    /// As [`assert`](Self::assert), for a caller that has to release its own lock before it wakes.
    pub(crate) fn signal(&self) -> Wakeup {
        self.0.assert(SignalWord::edge)
    }

    /// Asks the driver to let the device go. The source's [`removal`](crate::source::Source::removal) returns
    /// [`Requested`](crate::source::Removal::Requested) from now on, and its waker is woken. Everything else goes on.
    ///
    /// ```
    /// use interrupt_lock::source::{Removal, Software, Source};
    ///
    /// let (mut source, handle) = Software::edge();
    /// handle.request_removal();
    /// assert_eq!(source.removal(), Some(Removal::Requested));
    /// ```
    pub fn request_removal(&self) {
        self.removal_request().wake();
    }

    pub(crate) fn removal_request(&self) -> Wakeup {
        self.0.signal(SignalWord::removal_requested)
    }

    /// Removes the device for good. From now on the source fails with
    /// [`SourceError::Removed`](crate::SourceError::Removed). What was signalled and not yet taken is lost. The waker
    /// is woken.
    ///
    /// ```
    /// use interrupt_lock::{SourceError, source::{Software, Source}};
    ///
    /// let (mut source, handle) = Software::edge();
    /// handle.remove();
    /// assert_eq!(source.take(), Err(SourceError::Removed));
    /// ```
    pub fn remove(&self) {
        self.removal().wake();
    }

    pub(crate) fn removal(&self) -> Wakeup {
        self.0.step(SignalWord::removed);
        self.0.wakeup()
    }
}

/// Asserts and deasserts a [level line](super::Software::level), from any thread.
///
/// All handles of a line drive the same wire: it is as the last call left it. No method blocks, allocates or panics.
/// The interrupt's waker runs on the calling thread, with no lock of the source held.
///
/// ```
/// use std::task::Waker;
/// use interrupt_lock::source::{Software, Source};
///
/// let (mut line, handle) = Software::level();
/// line.connect(Waker::noop())?;
/// handle.assert();
/// handle.assert(); // asserted already
/// assert_eq!(line.take()?, 1);
/// # Ok::<(), interrupt_lock::SourceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LevelHandle(Arc<Shared>);

impl LevelHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Asserts the line. It signals now if it is connected and not masked. Otherwise it signals as soon as it is,
    /// unless it has been deasserted by then.
    ///
    /// ```
    /// use std::task::Waker;
    /// use interrupt_lock::source::{Software, Source};
    ///
    /// let (mut line, handle) = Software::level();
    /// handle.assert();
    /// assert_eq!(line.take()?, 0);
    /// line.connect(Waker::noop())?;
    /// assert_eq!(line.take()?, 1);
    /// # Ok::<(), interrupt_lock::SourceError>(())
    /// ```
    pub fn assert(&self) {
        self.signal().wake();
    }

    /// As [`assert`](Self::assert), for a caller that has to release its own lock before it wakes.
    pub(crate) fn signal(&self) -> Wakeup {
        self.0.assert(SignalWord::asserted)
    }

    /// Deasserts the line. A signal that was made already stays to be taken.
    ///
    /// ```
    /// use std::task::Waker;
    /// use interrupt_lock::source::{Software, Source};
    ///
    /// let (mut line, handle) = Software::level();
    /// line.connect(Waker::noop())?;
    /// handle.assert();
    /// handle.deassert();
    /// assert_eq!(line.take()?, 1);
    /// line.unmask()?;
    /// assert_eq!(line.take()?, 0);
    /// # Ok::<(), interrupt_lock::SourceError>(())
    /// ```
    pub fn deassert(&self) {
        let (before, _) = self.0.step(SignalWord::deasserted);
        if before.is_timed() {
            self.0.withdraw();
        }
    }

    /// Asks the driver to let the device go. The source's [`removal`](crate::source::Source::removal) returns
    /// [`Requested`](crate::source::Removal::Requested) from now on, and its waker is woken. Everything else goes on.
    ///
    /// ```
    /// use interrupt_lock::source::{Removal, Software, Source};
    ///
    /// let (mut line, handle) = Software::level();
    /// handle.request_removal();
    /// assert_eq!(line.removal(), Some(Removal::Requested));
    /// ```
    pub fn request_removal(&self) {
        self.removal_request().wake();
    }

    pub(crate) fn removal_request(&self) -> Wakeup {
        self.0.signal(SignalWord::removal_requested)
    }

    /// Removes the device for good. From now on the source fails with
    /// [`SourceError::Removed`](crate::SourceError::Removed). What was signalled and not yet taken is lost. The waker
    /// is woken.
    ///
    /// ```
    /// use interrupt_lock::{SourceError, source::{Software, Source}};
    ///
    /// let (mut line, handle) = Software::level();
    /// handle.remove();
    /// assert_eq!(line.unmask(), Err(SourceError::Removed));
    /// ```
    pub fn remove(&self) {
        self.removal().wake();
    }

    pub(crate) fn removal(&self) -> Wakeup {
        self.0.step(SignalWord::removed);
        self.0.wakeup()
    }
}
