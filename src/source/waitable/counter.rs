//! An eventfd, as a source uses it.
//!
//! A dispatcher's thread may take the count before the source does: it sleeps in `read`, or an io_uring reads for it. See
//! `ahead`. Everybody else looks without waiting.

use core::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use alloc::boxed::Box;

use crate::source::waitable::ahead::Ahead;
use crate::sync;
use crate::system;
use crate::system::Failure;

/// The eventfd of a source.
pub struct Counter {
    pub(super) file: OwnedFd,
    /// One look takes the whole count. It does, unless the eventfd is in semaphore mode.
    whole: bool,
    #[cfg_attr(loom, expect(dead_code, reason = "models have no dispatchers"))]
    may_block: bool,
    /// Made once a thread may take counts ahead. In a box, because most eventfds never need it.
    pub(super) ahead: OnceLock<Box<Ahead>>,
}

// Counts are noted and taken one by one: no panic leaves it half done.
impl std::panic::RefUnwindSafe for Counter {}

impl Counter {
    /// Takes a new eventfd as a source: one that no other code has opened. A thread may make it blocking.
    pub(crate) fn own(file: OwnedFd) -> Self {
        Self { file, whole: true, may_block: true, ahead: OnceLock::new() }
    }

    /// Takes an eventfd as a source that stays non-blocking. `whole` says that it is in no semaphore mode.
    pub(crate) fn non_blocking(file: OwnedFd, whole: bool) -> Self {
        Self { file, whole, may_block: false, ahead: OnceLock::new() }
    }

    /// Takes the signals: those in the eventfd, and those that a thread has taken ahead. Waits for that thread only until it has
    /// noted these.
    #[inline]
    pub(crate) fn take(&self) -> Result<u64, Failure> {
        let Some(ahead) = self.ahead.get() else { return self.look() };
        if sync::is_watcher()
            && let Some(noted) = ahead.sleeps.take_noted()
        {
            // The thread that serves it comes back for what it notes later.
            return Ok(noted);
        }
        ahead.take(|| self.look())
    }

    pub(super) fn look(&self) -> Result<u64, Failure> {
        system::take_count(&self.file, self.whole)
    }
}

/// For a dispatcher.
#[cfg(not(loom))]
impl Counter {
    /// Whether a thread may sleep in it.
    pub(crate) fn may_block(&self) -> bool {
        self.may_block
    }

    /// Whether one read takes the whole count.
    #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn ahead(&self) -> &Ahead {
        self.ahead.get_or_init(Box::default)
    }
}

impl AsFd for Counter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("file", &self.file).finish_non_exhaustive()
    }
}
