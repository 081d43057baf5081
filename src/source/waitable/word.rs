//! What a source knows of its event: the signals that waits have taken, and whether a level is unmasked.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};

/// The event is a level, connected and unmasked: threads wait for it.
const UNMASKED: usize = 1;
/// One signal that has been noted. Beyond the highest count the signals coalesce.
const ONE: usize = 2;

/// The word of one event.
pub(crate) struct SignalNotes(AtomicUsize);

impl SignalNotes {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Notes a signal of an edge, which a wait has taken.
    pub(crate) fn note_edge(&self) {
        let noted = |word: usize| word.checked_add(ONE);
        // AcqRel: pairs with the Acquire in `take`: the ISR sees what was done before the signal.
        let _ = self.0.fetch_update(AcqRel, Relaxed, noted);
    }

    /// Notes a signal of a level, and masks it. Returns `false` if the level is masked already: then it is nothing new.
    pub(crate) fn note_level(&self) -> bool {
        let noted = |word: usize| (word & UNMASKED != 0).then_some((word & !UNMASKED) + ONE);
        // AcqRel: as in `note_edge`.
        self.0.fetch_update(AcqRel, Relaxed, noted).is_ok()
    }

    /// Takes the signals of an edge: those that have been noted, and what `look` finds in the event. `settle` returns after
    /// each thread has noted what its waits have taken.
    pub(crate) fn take_edges<E>(
        &self,
        look: impl FnOnce() -> Result<bool, E>,
        settle: impl FnOnce(),
    ) -> Result<usize, E> {
        // First the look, and then who waits: see `rounds`.
        if look()? {
            self.note_edge();
        }
        settle();
        Ok(self.take())
    }

    /// Takes the signals that have been noted.
    pub(crate) fn take(&self) -> usize {
        // Acquire: pairs with the AcqRel of a note.
        self.0.fetch_and(UNMASKED, Acquire) / ONE
    }

    pub(crate) fn is_unmasked(&self) -> bool {
        // Relaxed: the rounds of the threads order it.
        self.0.load(Relaxed) & UNMASKED != 0
    }

    pub(crate) fn has_notes(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) >= ONE
    }

    /// Unmasks a level. `settle` returns after each thread has noted what ended its wait, and `tell` makes the threads wait for
    /// the level again.
    pub(crate) fn unmask(&self, settle: impl FnOnce(), tell: impl FnOnce()) {
        // First: a thread whose wait the level has ended before it was served has to find it masked, or it notes it again.
        settle();
        // Relaxed: the barrier in `Rounds` orders it before the look at who waits.
        self.0.fetch_or(UNMASKED, Relaxed);
        tell();
    }

    pub(crate) fn mask(&self) {
        // Relaxed: nothing is published by it.
        self.0.fetch_and(!UNMASKED, Relaxed);
    }
}
