//! What a dispatcher has read of a source's eventfd before the source takes it.
//!
//! A dispatcher with an io_uring has the kernel read eventfds. A count that is read is no longer in the eventfd, and is noted
//! here before the thread of the dispatcher does anything else. Between the two it is in neither place:
//! [`Rounds`](crate::source::waitable::Rounds) tells when, and why nothing is lost.

use alloc::sync::Arc;

use crate::sync;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::{AtomicUsize, PlainMutex};

/// A dispatcher that reads ahead.
pub(crate) trait Reader: Send + Sync {
    /// Returns after all is noted that had been read before the call. Returns at once to the thread that reads.
    fn settle(&self);
}

/// What a dispatcher has read of one eventfd.
pub struct ReadAhead {
    noted: Noted,
    /// 1 while there is a reader.
    is_read: AtomicUsize,
    reader: PlainMutex<Option<Arc<dyn Reader>>>,
}

impl ReadAhead {
    /// From now on, `reader` may read. Without one, nobody reads any more.
    pub(crate) fn set_reader(&self, reader: Option<Arc<dyn Reader>>) {
        // Relaxed: a transition sets it, and `take` reads it, with the interrupt lock held, which orders them.
        self.is_read.store(usize::from(reader.is_some()), Relaxed);
        *self.reader.lock() = reader;
    }

    /// For the reader: notes a count that was read.
    pub(crate) fn note(&self, count: u64) {
        self.noted.add(count);
    }

    /// Takes the counts: those that are noted, and what `look` finds in the eventfd.
    #[inline]
    pub(crate) fn take<E>(&self, look: impl FnOnce() -> Result<u64, E>) -> Result<u64, E> {
        // A thread that serves what it has read comes back for what it reads later.
        if self.noted.is_there() && sync::is_watcher() {
            return Ok(self.noted.take());
        }
        // First the look, and then the rounds: see there.
        let found = look()?;
        self.settle();
        Ok(if self.noted.is_there() { found.saturating_add(self.noted.take()) } else { found })
    }

    #[inline]
    fn settle(&self) {
        // Relaxed: as in `set_reader`.
        if self.is_read.load(Relaxed) != 0 {
            let reader = self.reader.lock().clone();
            reader.inspect(|reader| reader.settle());
        }
    }
}

impl Default for ReadAhead {
    fn default() -> Self {
        Self { noted: Noted::default(), is_read: AtomicUsize::new(0), reader: PlainMutex::new(None) }
    }
}

impl core::fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReadAhead").finish_non_exhaustive()
    }
}

/// The sum of the counts that are noted. It saturates.
pub(crate) struct Noted(AtomicUsize);

impl Default for Noted {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Noted {
    pub(crate) fn add(&self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        // AcqRel: pairs with the Acquire in `take`, so the ISR sees what was done before the signal.
        let _ = self.0.fetch_update(AcqRel, Relaxed, |noted| Some(noted.saturating_add(count)));
    }

    pub(crate) fn is_there(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) != 0
    }

    pub(crate) fn take(&self) -> u64 {
        // Acquire: pairs with `add`.
        self.0.swap(0, Acquire) as u64
    }
}
