//! The sleeps of a thread in the `read` of an eventfd: the words that it shares with everybody who looks at the eventfd.
//!
//! Each sleep is a round. What a sleep in `read` has taken is in neither place until the thread has noted it, so a thread that
//! looks at the eventfd and finds nothing rings, and waits for the end of that round. A sleep beside the eventfd takes nothing,
//! so only `close` waits for its end.

use crate::source::waitable::rings::Rings;
use crate::source::waitable::rounds::{Rounds, Rung};
use crate::source::waitable::word::SignalNotes;
use crate::sync::AtomicUsize;
#[cfg(any(not(loom), test))]
use crate::sync::Ordering::Release;
use crate::sync::Ordering::{Acquire, Relaxed};

/// The words of one eventfd.
pub(crate) struct Sleeps {
    notes: SignalNotes<0>,
    pub(crate) rings: Rings,
    rounds: Rounds,
    /// Odd while a thread may sleep in the eventfd, and another number each time.
    opening: AtomicUsize,
    /// 1 while the rounds of the thread take signals.
    takes: AtomicUsize,
}

/// What has ended a thread's sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(any(not(loom), test))]
pub(crate) enum Slept {
    /// Signals. If the thread has slept in `read`, it has noted them.
    Signalled,
    /// A ring alone.
    Rung,
    /// Nothing: others have made the eventfd non-blocking, or a look of ours that the kernel has no call for.
    NonBlocking,
    /// Nothing: it must not sleep in the eventfd any more.
    Closed,
}

impl Sleeps {
    pub(crate) fn new() -> Self {
        Self {
            notes: SignalNotes::new(),
            rings: Rings::new(),
            rounds: Rounds::new(),
            opening: AtomicUsize::new(0),
            takes: AtomicUsize::new(0),
        }
    }

    /// Takes the signals that have been noted, if there are any.
    #[inline]
    pub(crate) fn take_noted(&self) -> Option<u64> {
        self.notes.has_notes().then(|| self.notes.take() as u64)
    }

    /// Takes all signals: those that have been noted, and those in the count that `look` takes from the eventfd. `ring` ends a
    /// sleep of the thread.
    #[inline]
    pub(crate) fn take<E>(&self, look: impl FnOnce() -> Result<u64, E>, ring: impl FnMut() -> Rung) -> Result<u64, E> {
        if self.is_open() || self.notes.has_notes() {
            return self.take_beside(look, || self.settle_after_look(ring));
        }
        look().map(|count| self.rings.signals(count))
    }

    /// As [`take`](Self::take), beside a thread for which `settle` waits: until it has noted what it had taken before the look.
    #[inline]
    pub(crate) fn take_beside<E>(
        &self,
        look: impl FnOnce() -> Result<u64, E>,
        settle: impl FnOnce(),
    ) -> Result<u64, E> {
        self.notes.take_edges(|| look().map(|count| self.rings.signals(count)), settle)
    }

    /// Returns after the thread has noted what its sleep had taken before the caller's look.
    fn settle_after_look(&self, ring: impl FnMut() -> Rung) {
        // Acquire: pairs with the Release in `will_take`. What a round has taken before the look, it has said before that it
        // would: the system's lock of the eventfd orders the two.
        if self.takes.load(Acquire) != 0 {
            self.rounds.settle_after_look(ring);
        }
    }

    fn is_open(&self) -> bool {
        // Relaxed: sources are used with the interrupt lock held, as `open` and `close` are.
        !self.opening.load(Relaxed).is_multiple_of(2)
    }
}

/// For a dispatcher.
#[cfg(any(not(loom), test))]
impl Sleeps {
    /// The thread may sleep in the eventfd from now on. Returns the number of this opening.
    pub(crate) fn open(&self) -> usize {
        self.open_or_close()
    }

    /// The thread must not sleep in the eventfd any more. Returns after the thread has noted what its sleep had taken, or if no
    /// ring wakes it.
    pub(crate) fn close(&self, ring: impl FnMut() -> Rung) {
        self.open_or_close();
        self.rounds.settle(ring);
    }

    /// As [`close`](Self::close), where the thread has not slept since the opening, and will not.
    #[cfg(not(loom))]
    pub(crate) fn close_unused(&self) {
        self.open_or_close();
    }

    fn open_or_close(&self) -> usize {
        let opening = self.opening.load(Relaxed).wrapping_add(1);
        // Relaxed, for both: the interrupt lock orders it for the looks. The thread learns of an opening by a lock. And the
        // rounds order a close: either the thread sees it, or `close` sees its round.
        self.opening.store(opening, Relaxed);
        opening
    }

    /// For the thread: sleeps in `read` until there are signals, and notes them, or until a ring. `read` returns the count that
    /// it has taken, or `None` if it did not sleep.
    #[inline]
    pub(crate) fn sleep<E>(&self, opening: usize, read: impl FnOnce() -> Result<Option<u64>, E>) -> Result<Slept, E> {
        self.will_take(true);
        self.in_round(opening, || {
            let Some(count) = read()? else { return Ok(Slept::NonBlocking) };
            Ok(if self.note(count) { Slept::Signalled } else { Slept::Rung })
        })
        .unwrap_or(Ok(Slept::Closed))
    }

    /// For the thread: sleeps until there are signals, or until a ring, and takes nothing.
    pub(crate) fn sleep_beside<E>(&self, opening: usize, poll: impl FnOnce() -> Result<(), E>) -> Result<Slept, E> {
        self.will_take(false);
        self.in_round(opening, poll).map_or(Ok(Slept::Closed), |polled| polled.map(|()| Slept::Signalled))
    }

    /// For the thread: does something in a round, unless the eventfd is closed to it. No lock may be taken in a round: see
    /// [`Rounds::settle`].
    #[inline]
    pub(crate) fn in_round<R>(&self, opening: usize, act: impl FnOnce() -> R) -> Option<R> {
        self.rounds.begin();
        // Relaxed: as in `open_or_close`.
        let done = (self.opening.load(Relaxed) == opening).then(act);
        self.rounds.end();
        done
    }

    /// Says whether the next round takes signals.
    #[inline]
    fn will_take(&self, takes: bool) {
        // Release: pairs with the Acquire in `settle_after_look`, which need not wait if it finds `false`: what the rounds before
        // have taken is noted.
        self.takes.store(usize::from(takes), Release);
    }

    /// Notes the signals in a count that was taken from the eventfd. Returns whether there are any.
    #[inline]
    pub(crate) fn note(&self, count: u64) -> bool {
        let signals = self.rings.signals(count);
        if signals != 0 {
            self.notes.note_edges(usize::try_from(signals).unwrap_or(usize::MAX));
        }
        signals != 0
    }
}
