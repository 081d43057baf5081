//! Which interrupts need a thread of the crate. All of it is in one word, so raising costs one read-modify-write.
//!
//! | bit | name | set by | cleared by |
//! |---|---|---|---|
//! | the highest | `ASLEEP` | the thread, by a compare-exchange from nothing | the thread, as it takes |
//! | the next | `STOP` | the thread that stops it | the thread, as it takes |
//! | the others | raised | an interrupt that needs the thread | the thread, as it takes |
//!
//! The thread sets `ASLEEP` only if the word is zero. So a raise comes either before that or after it. If before, the
//! compare-exchange fails and the thread does not sleep. If after, the raising thread finds `ASLEEP` and wakes the
//! thread. The race is about one word, and the order of that word's changes decides it: no fence is needed. If the
//! thread is awake, raising needs no system call.
//!
//! There may be more interrupts than bits. Interrupts whose numbers differ by a multiple of [`BITS`] share a bit, and
//! the thread looks at all of them. An extra look is harmless, for a source and for a work item.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many interrupts have a bit of their own.
pub(crate) const BITS: usize = usize::BITS as usize - 2;
const STOP: usize = 1 << BITS;
const ASLEEP: usize = 1 << (BITS + 1);

/// The word of one thread.
pub(crate) struct ReadyWord(AtomicUsize);

impl ReadyWord {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Makes the thread look at the interrupt of that number. Returns whether the caller has to wake the thread.
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn raise(&self, number: usize) -> bool {
        let bit = 1 << (number % BITS);
        // Release: pairs with the Acquire in `take`, so the thread sees what was done before the raise. Acquire: pairs
        // with the Release in `sleep`, so the caller that has to wake the thread sees what the thread has prepared for
        // that.
        let before = self.0.fetch_or(bit, AcqRel);
        // If the bit was set already, another raise has set it since the thread fell asleep, and that one wakes the
        // thread.
        before & (ASLEEP | bit) == ASLEEP
    }

    /// Makes the thread end. Returns whether the caller has to wake the thread.
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn stop(&self) -> bool {
        // AcqRel: as in `raise`.
        self.0.fetch_or(STOP, AcqRel) & ASLEEP != 0
    }

    /// Whether there is something to take. Looking is cheap while the word stays zero: its cache line does not move.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) != 0
    }

    /// Announces that the thread is about to sleep. Returns `false` if there is something to take; then the thread must
    /// not sleep. Whatever ends its sleep, `take` comes next.
    #[must_use = "if it returns `false` the thread must not sleep"]
    pub(crate) fn sleep(&self) -> bool {
        // Release: pairs with the Acquire in `raise` and in `stop`. Relaxed if it fails: `take` comes next.
        self.0.compare_exchange(0, ASLEEP, Release, Relaxed).is_ok()
    }

    /// Takes all bits that are raised. The thread counts as awake from now on.
    #[inline]
    pub(crate) fn take(&self) -> Raised {
        // Acquire: pairs with the Release in `raise` and in `stop`.
        Raised(self.0.swap(0, Acquire))
    }
}

/// What `take` has taken: an iterator over the numbers of the raised bits.
pub(crate) struct Raised(usize);

impl Raised {
    /// Whether the thread has to end.
    pub(crate) fn is_stop(&self) -> bool {
        self.0 & STOP != 0
    }
}

impl Iterator for Raised {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let interrupts = self.0 & (STOP - 1);
        self.0 = interrupts & interrupts.wrapping_sub(1);
        (interrupts != 0).then(|| interrupts.trailing_zeros() as usize)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_awake_thread_needs_no_wake_up() {
        let word = ReadyWord::new();
        assert!(!word.raise(0) && !word.stop());
        assert!(word.is_raised() && !word.sleep());
    }

    #[test]
    fn a_sleeping_thread_is_woken_once_for_each_bit() {
        let word = ReadyWord::new();
        assert!(word.sleep());
        assert!(word.raise(3));
        assert!(!word.raise(3) && !word.raise(3 + BITS));
        assert!(word.raise(4) && word.stop());
    }

    #[test]
    fn a_take_gives_every_bit_once_and_wakes() {
        let word = ReadyWord::new();
        assert!(word.sleep());
        for number in [BITS - 1, 0, 7, BITS] {
            let _ = word.raise(number);
        }
        assert!(word.take().eq([0, 7, BITS - 1]));
        assert!(!word.is_raised() && word.take().next().is_none());
        assert!(!word.raise(1));
    }

    #[test]
    fn a_stop_is_no_interrupt() {
        let word = ReadyWord::new();
        let _ = word.stop();
        let mut taken = word.take();
        assert!(taken.is_stop() && taken.next().is_none());
    }
}
