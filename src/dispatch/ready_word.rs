//! Who has something to be done by a thread of ours: one word, so that raising costs one read-modify-write.
//!
//! | bit | name | set by | cleared by |
//! |---|---|---|---|
//! | the highest | `ASLEEP` | the thread, by a compare-exchange from nothing | the thread, as it takes |
//! | the next | `STOP` | who wants the thread to end | the thread, as it takes |
//! | the others | an interrupt | each wake-up | the thread, as it takes |
//!
//! The thread goes to sleep only from a word that is nothing at all, so every raise comes either before (the thread does
//! not sleep) or after (whoever raises finds `ASLEEP`, and rings the bell). It is a race over one word, which its order
//! of changes decides: no fence is needed. An awake thread costs whoever raises no call of the system.
//!
//! There are more interrupts than bits: those whose numbers differ by a multiple of [`BITS`] share one, and the thread
//! asks all of them. To be asked more often than necessary is harmless, for a source and for a work item.

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

    /// Has the thread look at the interrupt of that number. The answer is whether the bell has to be rung.
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn raise(&self, number: usize) -> bool {
        let bit = 1 << (number % BITS);
        // Release: pairs with the Acquire in `take`, so the thread sees what was done before. Acquire: pairs with the
        // Release in `sleep`, so whoever has to ring finds the bell that the thread has hung up.
        let before = self.0.fetch_or(bit, AcqRel);
        // Where the bit was there already, it was raised since the thread fell asleep, and that one has rung.
        before & (ASLEEP | bit) == ASLEEP
    }

    /// Has the thread end. The answer is whether the bell has to be rung.
    #[must_use = "a thread that sleeps does not look"]
    pub(crate) fn stop(&self) -> bool {
        // AcqRel: as in `raise`.
        self.0.fetch_or(STOP, AcqRel) & ASLEEP != 0
    }

    /// Whether there is something to be taken. Costs nothing while there is not: the word stays where it is.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) != 0
    }

    /// Says that the thread is about to wait for the bell; `false` if it must not, because there is something to be
    /// taken. Whatever ends the wait, `take` comes next.
    #[must_use = "there may be something to be taken instead"]
    pub(crate) fn sleep(&self) -> bool {
        // Release: pairs with the Acquire in `raise` and in `stop`. Relaxed, where it fails: `take` comes next.
        self.0.compare_exchange(0, ASLEEP, Release, Relaxed).is_ok()
    }

    /// Takes all that is raised. The thread is awake from now on.
    #[inline]
    pub(crate) fn take(&self) -> Raised {
        // Acquire: pairs with the Release in `raise` and in `stop`.
        Raised(self.0.swap(0, Acquire))
    }
}

/// What was raised: an iterator over the numbers of the bits.
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
    fn an_awake_thread_needs_no_bell() {
        let word = ReadyWord::new();
        assert!(!word.raise(0) && !word.stop());
        assert!(word.is_raised() && !word.sleep());
    }

    #[test]
    fn a_sleeping_thread_is_rung_for_once_for_each_bit() {
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
