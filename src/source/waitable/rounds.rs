//! When a thread waits in a call that takes signals.
//!
//! A wait of Windows takes the signal of an auto-reset event, and only then returns. So does a `read` of an eventfd on Linux,
//! with the whole count. So from the signal's end in the system to the note that the thread makes of it, the signal is in
//! neither place. A thread that takes from the source has to know of that window: the waiting thread numbers its rounds,
//! odd from before the wait to after the notes. Another thread that has seen an odd number ends the wait, and waits until
//! the number has changed: then what the wait has taken is noted.
//!
//! Why that loses nothing: let a thread look at the event after it was signalled, and find it reset. Then a wait has taken the
//! signal, and that wait had begun before the look. So the look at the number, which comes after the look at the event, finds
//! it odd, or later.

use core::ops::ControlFlow;

use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, Instant, Parker};

/// What a ring, which ends a thread's wait, has come to: when to ring again, because others may have taken it. Or that no ring
/// ends the wait, because the system refuses it.
pub(crate) type Rung = ControlFlow<(), Option<Instant>>;

/// The rounds of one thread.
pub(crate) struct Rounds {
    /// Odd while the thread may have taken signals that it has not noted.
    number: AtomicUsize,
    /// How many threads wait for the end of a round.
    settling: AtomicUsize,
    parker: Parker,
}

impl Rounds {
    pub(crate) fn new() -> Self {
        Self { number: AtomicUsize::new(0), settling: AtomicUsize::new(0), parker: Parker::new() }
    }

    /// For the thread: it is about to wait. It looks at what it is to wait for after this.
    pub(crate) fn begin(&self) {
        // Relaxed: the number is the thread's own, and the barrier orders it.
        self.number.store(self.number.load(Relaxed).wrapping_add(1), Relaxed);
        // Pairs with the barrier in `current`: a thread that changes what this one waits for finds the number odd, or this one
        // sees the change.
        sync::light_barrier();
    }

    /// For the thread: it has noted what the wait has taken.
    pub(crate) fn end(&self) {
        // Release: pairs with the Acquire in `number`, so the notes are seen.
        self.number.store(self.number.load(Relaxed).wrapping_add(1), Release);
        // Pairs with the barrier in `settle`: either this thread sees that another settles, or that one sees the new number.
        sync::light_barrier();
        // Relaxed: as the barrier says.
        if self.settling.load(Relaxed) != 0 {
            self.parker.wake_all(&self.number);
        }
    }

    /// Whether the thread waits. Only Windows asks. Call it after the change that the thread must not miss.
    #[cfg(any(windows, all(loom, test)))]
    pub(crate) fn is_waiting(&self) -> bool {
        self.current().is_some()
    }

    /// Waits for the end of the round that the thread is in, if it is in one. `ring` ends the thread's wait.
    ///
    /// It takes the thread no longer than to wake up and to write a few words: on that way it takes no interrupt lock and
    /// runs no callback.
    pub(crate) fn settle(&self, ring: impl FnMut() -> Rung) {
        if let Some(seen) = self.current() {
            self.wait_for_end(seen, ring);
        }
    }

    /// As [`settle`](Self::settle), for what the thread may have taken before the caller's look. That look has passed through
    /// the same lock of the system's as the thread's wait, so no barrier is needed to find the number odd.
    #[cfg(any(not(windows), all(loom, test)))]
    pub(crate) fn settle_after_look(&self, ring: impl FnMut() -> Rung) {
        let seen = self.number();
        if !seen.is_multiple_of(2) {
            self.wait_for_end(seen, ring);
        }
    }

    fn wait_for_end(&self, seen: usize, mut ring: impl FnMut() -> Rung) {
        // Relaxed: the barrier orders it.
        self.settling.fetch_add(1, Relaxed);
        // Pairs with the barrier in `end`.
        sync::heavy_barrier();
        let mut rung = ring();
        while self.number() == seen
            && let Rung::Continue(until) = rung
        {
            self.parker.park(&self.number, 0, || self.number() == seen, |_| {}, until);
            if until.is_some() && self.number() == seen {
                rung = ring();
            }
        }
        // Relaxed: a count that is too high costs a wake-up of nobody.
        self.settling.fetch_sub(1, Relaxed);
    }

    /// The number of the round that the thread is in.
    fn current(&self) -> Option<usize> {
        // Pairs with the barrier in `begin`.
        sync::heavy_barrier();
        Some(self.number()).filter(|number| !number.is_multiple_of(2))
    }

    fn number(&self) -> usize {
        // Acquire: pairs with the Release in `end`.
        self.number.load(Acquire)
    }
}
