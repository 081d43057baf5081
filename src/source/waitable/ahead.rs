//! What a dispatcher's thread takes of an eventfd before the source does.
//!
//! A thread that serves nothing else sleeps in `read`. So one call both waits and takes. A thread with an io_uring has the
//! kernel read. Either notes the count before it does anything else: `sleeps` says how that gets to the source.

use core::ops::ControlFlow;
use core::time::Duration;
use std::os::fd::OwnedFd;
use std::time::Instant;

use alloc::sync::Arc;

use lock_api::Mutex;

use crate::lock::RawInterruptLock;
#[cfg(not(loom))]
use crate::source::waitable::counter::Counter;
use crate::source::waitable::rings::RING;
use crate::source::waitable::rounds::Rung;
use crate::source::waitable::sleeps::Sleeps;
#[cfg(not(loom))]
use crate::source::waitable::sleeps::Slept;
#[cfg(not(loom))]
use crate::sync::Ordering::Relaxed;
#[cfg(feature = "io-uring")]
use crate::sync::PlainMutex;
use crate::sync::{AtomicUsize, Process};
use crate::system;
use crate::system::Failure;

/// The first pause between rings.
const PAUSE: Duration = Duration::from_micros(100);
/// How often the pause between rings, and their number, is doubled.
const MOST_DOUBLINGS: u32 = 6;

/// A dispatcher that reads many eventfds.
#[cfg(feature = "io-uring")]
pub(crate) trait Reader: Send + Sync {
    /// Returns after all is noted that had been read before the caller's look. Returns at once to the thread that reads.
    fn settle_after_look(&self);
}

/// How the counts of one eventfd are taken ahead.
pub(super) struct Ahead {
    pub(super) sleeps: Sleeps,
    /// 1 while the file is blocking because a thread sleeps in it.
    #[cfg_attr(loom, expect(dead_code, reason = "models have no dispatchers"))]
    is_blocking: AtomicUsize,
    duplicate: Mutex<RawInterruptLock, Option<Duplicate>>,
    #[cfg(feature = "io-uring")]
    reader: PlainMutex<Option<Arc<dyn Reader>>>,
}

/// The descriptor in which a thread sleeps.
#[derive(Clone)]
struct Duplicate {
    /// Not the source's: other code may close that, or put another file in its place.
    file: Arc<OwnedFd>,
    /// The process of the thread.
    process: Process,
}

impl Default for Ahead {
    fn default() -> Self {
        Self {
            sleeps: Sleeps::new(),
            is_blocking: AtomicUsize::new(0),
            duplicate: Mutex::new(None),
            #[cfg(feature = "io-uring")]
            reader: PlainMutex::new(None),
        }
    }
}

impl Ahead {
    /// Takes all signals: those that have been noted, and those that `look` takes from the eventfd.
    pub(super) fn take<E>(&self, look: impl FnOnce() -> Result<u64, E>) -> Result<u64, E> {
        #[cfg(feature = "io-uring")]
        {
            let reader = self.reader.lock().clone();
            if let Some(reader) = reader {
                return self.sleeps.take_beside(look, || reader.settle_after_look());
            }
        }
        self.sleeps.take(look, self.ringing(&mut None))
    }

    /// Ends the sleep of the thread, or else its next one. Returns an error if the system refuses.
    fn ring(&self) -> Result<(), Failure> {
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

/// For a thread that sleeps in `read`, and for those that have it sleep.
#[cfg(not(loom))]
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
            let is_blocking = system::set_blocking(file, true).is_ok();
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
#[cfg(all(feature = "io-uring", not(loom)))]
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
