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
use crate::source::waitable::rings::RING;
use crate::source::waitable::rounds::Rung;
use crate::source::waitable::sleeps::Sleeps;
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
use crate::sync::PlainMutex;
use crate::sync::{AtomicUsize, Process};
use crate::system;
use crate::system::Failure;

/// The first pause between rings.
const PAUSE: Duration = Duration::from_micros(100);
/// How often the pause between rings, and their number, is doubled.
const MOST_DOUBLINGS: u32 = 6;

/// A dispatcher that reads many eventfds.
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
pub(crate) trait Reader: Send + Sync {
    /// Returns after all is noted that had been read before the caller's look. Returns at once to the thread that reads.
    fn settle_after_look(&self);
}

/// How the counts of one eventfd are taken ahead.
pub(super) struct Ahead {
    pub(super) sleeps: Sleeps,
    /// 1 while the file is blocking because a thread sleeps in it.
    #[cfg_attr(loom, expect(dead_code, reason = "models have no dispatchers"))]
    pub(super) is_blocking: AtomicUsize,
    pub(super) duplicate: Mutex<RawInterruptLock, Option<Duplicate>>,
    #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
    pub(super) reader: PlainMutex<Option<Arc<dyn Reader>>>,
}

/// The descriptor in which a thread sleeps.
#[derive(Clone)]
pub(super) struct Duplicate {
    /// Not the source's: other code may close that, or put another file in its place.
    pub(super) file: Arc<OwnedFd>,
    /// The process of the thread.
    pub(super) process: Process,
}

impl Default for Ahead {
    fn default() -> Self {
        Self {
            sleeps: Sleeps::new(),
            is_blocking: AtomicUsize::new(0),
            duplicate: Mutex::from_raw(RawInterruptLock::new(), None),
            #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
            reader: PlainMutex::new(None),
        }
    }
}

impl Ahead {
    /// Takes all signals: those that have been noted, and those that `look` takes from the eventfd.
    pub(super) fn take<E>(&self, look: impl FnOnce() -> Result<u64, E>) -> Result<u64, E> {
        #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
        {
            let reader = self.reader.lock().clone();
            if let Some(reader) = reader {
                return self.sleeps.take_beside(look, || reader.settle_after_look());
            }
        }
        self.sleeps.take(look, self.ringing(&mut None))
    }

    /// Ends the sleep of the thread, or else its next one. Returns an error if the system refuses.
    pub(super) fn ring(&self) -> Result<(), Failure> {
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
    pub(super) fn ringing<'a>(&'a self, refused: &'a mut Option<Failure>) -> impl FnMut() -> Rung + 'a {
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
