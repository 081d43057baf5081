//! The word and the waker that a software source shares with its handles.

use std::fmt;
use std::task::Waker;

use crate::observe::timing::Assertions;
use crate::source::software::informed::Informed;
use crate::source::software::signal_word::SignalWord;
use crate::sync::{AtomicUsize, Ordering};

// On one cache line: an assertion uses both, and the delivery uses the word. On two cache lines an
// assertion takes half as long again.
#[repr(align(64))]
pub(super) struct Shared {
    word: AtomicUsize,
    informed: Informed,
}

#[cfg(all(target_pointer_width = "64", not(loom)))]
static_assertions::const_assert_eq!(size_of::<Shared>(), 64);

impl Shared {
    pub fn new() -> Self {
        Self { word: AtomicUsize::new(0), informed: Informed::new() }
    }

    pub fn word(&self) -> SignalWord {
        // Relaxed: a snapshot. The transition that takes a signal acquires what the signal publishes.
        SignalWord(self.word.load(Ordering::Relaxed))
    }

    /// Makes one transition. Returns the word before and after it.
    ///
    /// The thread that takes a signal sees all that the asserting thread did before. A transition may do either.
    pub fn step(&self, transition: impl Fn(SignalWord) -> SignalWord) -> (SignalWord, SignalWord) {
        // Relaxed: a first guess for the compare-exchange.
        self.step_from(SignalWord(self.word.load(Ordering::Relaxed)), transition)
    }

    fn step_from(
        &self,
        SignalWord(mut before): SignalWord,
        transition: impl Fn(SignalWord) -> SignalWord,
    ) -> (SignalWord, SignalWord) {
        loop {
            let after = transition(SignalWord(before));
            // AcqRel: the Release of an assertion pairs with the Acquire of the take.
            match self.word.compare_exchange(before, after.0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return (SignalWord(before), after),
                Err(now) => before = now,
            }
        }
    }

    /// Takes what is signalled. Returns the word before.
    pub fn take(&self) -> SignalWord {
        // AcqRel: as in `step`. No load before it: the asserting processor has the cache line, which would move twice.
        SignalWord(self.word.fetch_and(SignalWord::TAKEN, Ordering::AcqRel))
    }

    /// Makes one transition. Returns the wake-up that is due for it.
    pub fn signal(&self, transition: impl Fn(SignalWord) -> SignalWord) -> Wakeup {
        // A guess instead of a load, as in `take`. It is nearly always right.
        let (before, after) = self.step_from(SignalWord::QUIET, transition);
        self.wake_for(before, after)
    }

    /// As `signal`, for an assertion. If the source is timed, notes when it was made.
    pub fn assert(&self, transition: impl Fn(SignalWord) -> SignalWord) -> Wakeup {
        self.signal(|word| {
            // Before the signal can be taken. The guess is not timed, so a timed source comes here again with its real word.
            if word.is_timed() {
                self.informed.with_assertions(Assertions::begin);
            }
            transition(word)
        })
    }

    /// Times assertions from now on.
    pub fn time(&self, assertions: Assertions) {
        if self.informed.time(assertions) {
            self.step(SignalWord::timed);
        }
    }

    /// Notes that what was asserted is taken.
    #[cold]
    pub fn tell_taken(&self) {
        self.informed.with_assertions(Assertions::take);
    }

    /// Forgets when what was asserted was asserted.
    #[cold]
    pub fn withdraw(&self) {
        self.informed.with_assertions(Assertions::withdraw);
    }

    /// Returns the wake-up that is due for a transition.
    ///
    /// Every new signal wakes, even if an earlier one has not been taken: the earlier wake-up may have been acted upon
    /// already, which can't be known here.
    pub fn wake_for(&self, before: SignalWord, after: SignalWord) -> Wakeup {
        if after != before && after.signals() { self.wakeup() } else { Wakeup::default() }
    }

    #[inline]
    pub fn wakeup(&self) -> Wakeup {
        Wakeup(self.informed.waker())
    }

    pub fn set_waker(&self, waker: Option<Waker>) {
        self.informed.set_waker(waker);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.word().fmt(f)
    }
}

/// A wake-up that is due. The caller releases its own locks before it wakes, because a waker may run any code.
#[derive(Default)]
#[must_use = "a signal without its wake-up is lost"]
pub(crate) struct Wakeup(Option<Waker>);

impl Wakeup {
    #[inline]
    pub fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}
