//! An eventfd, as a source and a thread that sleeps in its `read` use it.
//!
//! A dispatcher's thread that serves nothing else sleeps in `read`. So one call both waits and takes. `sleeps` says how the count
//! gets from there to the source. Everybody else looks without waiting.

use core::fmt;
use core::ops::ControlFlow;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use alloc::sync::Arc;

use lock_api::Mutex;

use crate::lock::RawInterruptLock;
use crate::source::waitable::rings::RING;
use crate::source::waitable::rounds::Rung;
use crate::source::waitable::sleeps::Sleeps;
#[cfg(not(loom))]
use crate::source::waitable::sleeps::Slept;
use crate::sync;
#[cfg(not(loom))]
use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicUsize, Process};
use crate::system;
use crate::system::Failure;

/// The first pause between rings.
const PAUSE: Duration = Duration::from_micros(100);
/// How often the pause between rings, and their number, is doubled.
const MOST_DOUBLINGS: u32 = 6;

/// The eventfd of a source.
pub struct Counter {
    file: OwnedFd,
    /// One look takes the whole count. It does, unless the eventfd is in semaphore mode.
    whole: bool,
    sleeps: Sleeps,
    /// 1 while the file is blocking because a thread sleeps in it.
    #[cfg_attr(loom, expect(dead_code, reason = "models have no dispatchers"))]
    is_blocking: AtomicUsize,
    duplicate: Mutex<RawInterruptLock, Option<Duplicate>>,
}

/// The descriptor in which a thread sleeps.
#[derive(Clone)]
struct Duplicate {
    /// Not the source's: other code may close that, or put another file in its place.
    file: Arc<OwnedFd>,
    /// The process of the thread.
    process: Process,
}

impl Counter {
    /// Takes an eventfd as a source. `whole` says that it is in no semaphore mode.
    pub(crate) fn new(file: OwnedFd, whole: bool) -> Self {
        Self { file, whole, sleeps: Sleeps::new(), is_blocking: AtomicUsize::new(0), duplicate: Mutex::new(None) }
    }

    /// Takes the signals: those in the eventfd, and those that a thread's sleep has taken. Waits for that thread only until it
    /// has noted these.
    #[inline]
    pub(crate) fn take(&self) -> Result<u64, Failure> {
        if sync::is_watcher()
            && let Some(noted) = self.sleeps.take_noted()
        {
            // The thread that serves it comes back for what it notes later.
            return Ok(noted);
        }
        self.sleeps.take(|| self.look(), self.ringing(&mut None))
    }

    fn look(&self) -> Result<u64, Failure> {
        system::take_count(&self.file, self.whole)
    }

    /// Ends the sleep of the thread, or else its next one. Returns an error if the system refuses.
    pub(crate) fn ring(&self) -> Result<(), Failure> {
        let duplicate = self.duplicate.lock().clone();
        match duplicate.filter(|duplicate| duplicate.process.is_this()) {
            Some(duplicate) => self.ring_in(&duplicate.file),
            None => Ok(()),
        }
    }

    fn ring_in(&self, file: &OwnedFd) -> Result<(), Failure> {
        if system::is_readable(file) == Ok(true) {
            // That ends the sleep as well.
            return Ok(());
        }
        // It is empty, so the ring does not wait, unless others fill it at this moment.
        self.sleeps.rings.announce();
        let rung = system::count_up(file, RING);
        if rung != Ok(true) {
            self.sleeps.rings.revoke();
        }
        rung.map(drop)
    }

    /// How to end the sleep of the thread. Others may read the eventfd, too, and take rings. So it rings again after a pause,
    /// more often each time: one ring of many comes as the thread looks. What the system refuses is in `refused`.
    fn ringing<'a>(&'a self, refused: &'a mut Option<Failure>) -> impl FnMut() -> Rung + 'a {
        let mut times = 0;
        move || {
            let rings = 1 << times;
            for _ in 0..rings {
                if let Err(failure) = self.ring() {
                    *refused = Some(failure);
                    return ControlFlow::Break(());
                }
            }
            times = (times + 1).min(MOST_DOUBLINGS);
            ControlFlow::Continue(Some(Instant::now() + rings * PAUSE))
        }
    }
}

/// For a dispatcher.
#[cfg(not(loom))]
impl Counter {
    /// The thread may sleep in it from now on. `file` is a duplicate of the eventfd. Returns the number of this opening.
    pub(crate) fn open(&self, file: &Arc<OwnedFd>) -> usize {
        *self.duplicate.lock() = Some(Duplicate { file: file.clone(), process: Process::this() });
        self.sleeps.open()
    }

    /// The thread must not sleep in it any more. If it `may_sleep` now, returns after it has noted what its sleep had taken, or
    /// an error if the system refuses to wake it.
    pub(crate) fn close(&self, may_sleep: bool) -> Result<(), Failure> {
        if may_sleep {
            self.end_sleeps()?
        } else {
            self.sleeps.close_unused()
        }
        *self.duplicate.lock() = None;
        // A ring may have come too late. A loop of the driver's must not find it.
        if self.sleeps.rings.may_be()
            && let Ok(count) = self.look()
        {
            self.sleeps.note(count);
        }
        Ok(())
    }

    fn end_sleeps(&self) -> Result<(), Failure> {
        let mut refused = None;
        self.sleeps.close(self.ringing(&mut refused));
        if let Some(failure) = refused {
            return Err(failure);
        }
        // Relaxed, for both: the end of the thread's round orders it.
        if self.is_blocking.load(Relaxed) != 0 {
            self.is_blocking.store(0, Relaxed);
            // If this is refused, it stays blocking. No look of ours minds.
            let _ = system::set_blocking(&self.file, false);
        }
        Ok(())
    }

    /// For the thread: makes the eventfd blocking, so that it can sleep in `read`. Returns `false` if it can't. The arguments are
    /// those of `open`, as below.
    pub(crate) fn prepare(&self, file: &OwnedFd, opening: usize) -> bool {
        let block = || {
            let is_blocking = system::set_blocking(file, true).is_ok();
            // Relaxed: nobody else writes it while the round lasts.
            self.is_blocking.store(usize::from(is_blocking), Relaxed);
            is_blocking
        };
        self.sleeps.in_round(opening, block) == Some(true)
    }

    /// For the thread: sleeps in `read` until there are signals, and notes them, or until a ring.
    #[inline]
    pub(crate) fn sleep(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.sleeps.sleep(opening, || system::sleep_for_count(file))
    }

    /// For the thread: sleeps until there are signals, or until a ring, and takes nothing.
    pub(crate) fn sleep_beside(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.sleeps.sleep_beside(opening, || system::sleep_until_readable(file))
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
