//! What a source knows of its event or eventfd: the signals that waits have taken, and whether a level is unmasked.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};

/// The word of one event, or of one eventfd. The lowest `FLAGS` bits are flags: one of an event, which may be a level, and none of
/// an eventfd. The others count the signals that have been noted. Beyond the highest count the signals coalesce.
pub(crate) struct SignalNotes<const FLAGS: u32>(AtomicUsize);

/// The event is a level, connected and unmasked: threads wait for it.
#[cfg(any(windows, all(loom, test)))]
const UNMASKED: usize = 1;

impl<const FLAGS: u32> SignalNotes<FLAGS> {
    const ONE: usize = 1 << FLAGS;
    const MOST: usize = usize::MAX >> FLAGS;

    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Notes signals of an edge, which a wait has taken.
    pub(crate) fn note_edges(&self, signals: usize) {
        let most = |noted: usize| noted.saturating_add(signals).min(Self::MOST);
        let noted = |word: usize| Some(most(word / Self::ONE) * Self::ONE + word % Self::ONE);
        // AcqRel: pairs with the Acquire in `take`: the ISR sees what was done before the signal.
        let _ = self.0.fetch_update(AcqRel, Relaxed, noted);
    }

    /// Takes the signals of an edge: those that have been noted, and how many `look` finds in the event. `settle` returns
    /// after each thread has noted what its waits have taken.
    pub(crate) fn take_edges<E>(&self, look: impl FnOnce() -> Result<u64, E>, settle: impl FnOnce()) -> Result<u64, E> {
        // First the look, and then who waits: see `rounds`.
        let found = look()?;
        settle();
        Ok(found.saturating_add(self.take() as u64))
    }

    /// Takes the signals that have been noted.
    pub(crate) fn take(&self) -> usize {
        // Acquire: pairs with the AcqRel of a note.
        self.0.fetch_and(Self::ONE - 1, Acquire) / Self::ONE
    }

    pub(crate) fn has_notes(&self) -> bool {
        // Relaxed: `take` comes next.
        self.0.load(Relaxed) >= Self::ONE
    }
}

/// Of a level. Only Windows has such events.
#[cfg(any(windows, all(loom, test)))]
impl SignalNotes<1> {
    /// Notes a signal of a level, and masks it. Returns `false` if the level is masked already: then it is nothing new.
    pub(crate) fn note_level(&self) -> bool {
        let noted = |word: usize| (word & UNMASKED != 0).then_some((word & !UNMASKED) + Self::ONE);
        // AcqRel: as in `note_edges`.
        self.0.fetch_update(AcqRel, Relaxed, noted).is_ok()
    }

    pub(crate) fn is_unmasked(&self) -> bool {
        // Relaxed: the rounds of the threads order it.
        self.0.load(Relaxed) & UNMASKED != 0
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
