//! An eventfd, as a dispatcher's thread uses it, and those that have the thread use it.

use std::os::fd::OwnedFd;

use alloc::sync::Arc;

#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
use crate::source::waitable::ahead::Reader;
use crate::source::waitable::ahead::{Ahead, Duplicate};
use crate::source::waitable::counter::Counter;
use crate::source::waitable::sleeps::Slept;
use crate::sync::Ordering::Relaxed;
use crate::sync::Process;
use crate::system;
use crate::system::Failure;

/// For a thread that sleeps in `read`, and for those that have it sleep.
impl Counter {
    /// The thread may sleep in it from now on. `file` is a duplicate of the eventfd. Returns the number of this opening.
    pub(crate) fn open(&self, file: &Arc<OwnedFd>) -> usize {
        let ahead = self.ahead();
        *ahead.duplicate.lock() = Some(Duplicate { file: file.clone(), process: Process::this() });
        ahead.sleeps.open()
    }

    /// The thread must not sleep in it any more. If it `may_sleep` now, returns after it has noted what its sleep had taken, or
    /// an error if the system refuses to wake it.
    pub(crate) fn close(&self, may_sleep: bool) -> Result<(), Failure> {
        let ahead = self.ahead();
        if may_sleep {
            self.end_sleeps(ahead)?;
        } else {
            ahead.sleeps.close_unused();
        }
        *ahead.duplicate.lock() = None;
        // A ring may have come too late. A loop of the driver's must not find it.
        if ahead.sleeps.rings.may_be()
            && let Ok(count) = self.look()
        {
            ahead.sleeps.note(count);
        }
        Ok(())
    }

    fn end_sleeps(&self, ahead: &Ahead) -> Result<(), Failure> {
        let mut refused = None;
        ahead.sleeps.close(ahead.ringing(&mut refused));
        if let Some(failure) = refused {
            return Err(failure);
        }
        // Relaxed, for both: the end of the thread's round orders it.
        if ahead.is_blocking.load(Relaxed) != 0 {
            ahead.is_blocking.store(0, Relaxed);
            // If this is refused, it stays blocking. No look of ours minds.
            let _ = system::set_blocking(&self.file, false);
        }
        Ok(())
    }

    /// Ends the sleep of the thread, or else its next one. Returns an error if the system refuses.
    pub(crate) fn ring(&self) -> Result<(), Failure> {
        self.ahead().ring()
    }

    /// For the thread: makes the eventfd blocking, so that it can sleep in `read`. Returns `false` if it can't. The arguments are
    /// those of `open`, as below.
    pub(crate) fn prepare(&self, file: &OwnedFd, opening: usize) -> bool {
        let ahead = self.ahead();
        let block = || {
            // Otherwise a look makes it non-blocking first, and would wait in its read if this came in between.
            let is_blocking = system::can_look(file) && system::set_blocking(file, true).is_ok();
            // Relaxed: nobody else writes it while the round lasts.
            ahead.is_blocking.store(usize::from(is_blocking), Relaxed);
            is_blocking
        };
        ahead.sleeps.in_round(opening, block) == Some(true)
    }

    /// For the thread: sleeps in `read` until there are signals, and notes them, or until a ring.
    #[inline]
    pub(crate) fn sleep(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.ahead().sleeps.sleep(opening, || system::sleep_for_count(file))
    }

    /// For the thread: sleeps until there are signals, or until a ring, and takes nothing.
    pub(crate) fn sleep_beside(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.ahead().sleeps.sleep_beside(opening, || system::sleep_until_readable(file))
    }
}

/// For an io_uring.
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
impl Counter {
    /// From now on, `reader` may read. Without one, nobody reads any more. The caller holds the interrupt lock.
    pub(crate) fn set_reader(&self, reader: Option<Arc<dyn Reader>>) {
        *self.ahead().reader.lock() = reader;
    }

    /// For the reader: notes a count that was read.
    #[inline]
    pub(crate) fn note(&self, count: u64) {
        self.ahead().sleeps.note(count);
    }
}
