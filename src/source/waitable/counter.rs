//! An eventfd, as a source and a thread that sleeps in its `read` use it.
//!
//! A dispatcher's thread that serves nothing else sleeps in `read`. So one call both waits and takes. What that call has taken
//! is in neither place until the thread has noted it: see `rounds`. Everybody else looks without waiting.

use core::fmt;
use core::ops::ControlFlow;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use alloc::sync::Arc;

use lock_api::Mutex;

use crate::lock::RawInterruptLock;
use crate::source::waitable::rings::{RING, Rings};
use crate::source::waitable::rounds::{Rounds, Rung};
use crate::source::waitable::word::SignalNotes;
use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, Process};
use crate::system;
use crate::system::Failure;

/// The first pause between rings.
const PAUSE: Duration = Duration::from_micros(100);
/// How often the pause between rings, and their number, is doubled.
const MOST_DOUBLINGS: u32 = 6;

/// The eventfd of a source.
pub struct Counter {
    file: OwnedFd,
    /// One look takes the whole count. It does, unless the eventfd is in semaphore mode.
    whole: bool,
    notes: SignalNotes,
    rings: Rings,
    /// The rounds of the thread that sleeps in it.
    rounds: Rounds,
    /// Odd while a thread may sleep in it, and another number each time.
    opening: AtomicUsize,
    /// 1 while the rounds of the thread take signals.
    takes: AtomicUsize,
    /// 1 while the file is blocking because a thread sleeps in it.
    is_blocking: AtomicUsize,
    duplicate: Mutex<RawInterruptLock, Option<Duplicate>>,
}

/// The descriptor in which a thread sleeps.
#[derive(Clone)]
struct Duplicate {
    /// Not the source's: other code may close that, or put another file in its place.
    file: Arc<OwnedFd>,
    /// The process of the thread.
    process: Process,
}

/// What has ended a thread's sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(loom, expect(dead_code, reason = "models have no dispatchers"))]
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

impl Counter {
    /// Takes an eventfd that may be read as a source. `whole` says that it is in no semaphore mode.
    pub(crate) fn new(file: OwnedFd, whole: bool) -> Self {
        Self {
            file,
            whole,
            notes: SignalNotes::new(),
            rings: Rings::new(),
            rounds: Rounds::new(),
            opening: AtomicUsize::new(0),
            takes: AtomicUsize::new(0),
            is_blocking: AtomicUsize::new(0),
            duplicate: Mutex::new(None),
        }
    }

    /// Takes the signals: those in the eventfd, and those that a thread's sleep has taken. Waits for that thread only until it
    /// has noted these.
    #[inline]
    pub(crate) fn take(&self) -> Result<u64, Failure> {
        if self.notes.has_notes() && sync::is_watcher() {
            // The thread that serves it comes back for what it notes later.
            return Ok(self.notes.take() as u64);
        }
        if self.is_open() || self.notes.has_notes() {
            return self.notes.take_edges(|| self.look(), || self.settle_after_look());
        }
        self.look()
    }

    /// Returns after the thread has noted what its sleep had taken before the caller's look.
    fn settle_after_look(&self) {
        // Acquire: pairs with the Release in `will_take`. What a round has taken before the look, it has said before that it
        // would: the system's lock of the eventfd orders the two.
        if self.takes.load(Acquire) != 0 {
            self.rounds.settle_after_look(self.ringing(&mut None));
        }
    }

    fn look(&self) -> Result<u64, Failure> {
        Ok(self.rings.signals(system::take_count(&self.file, self.whole)?))
    }

    /// Ends the sleep of the thread, or else its next one. Returns an error if the system refuses.
    pub(crate) fn ring(&self) -> Result<(), Failure> {
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
        self.rings.announce();
        let rung = system::count_up(file, RING);
        if rung != Ok(true) {
            self.rings.revoke();
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

    fn is_open(&self) -> bool {
        // Relaxed: the rounds order it for the thread. Sources are used with the interrupt lock held, as `open` is.
        !self.opening.load(Relaxed).is_multiple_of(2)
    }
}

/// For a dispatcher.
#[cfg(not(loom))]
impl Counter {
    /// The thread may sleep in it from now on. `file` is a duplicate of the eventfd. Returns the number of this opening.
    pub(crate) fn open(&self, file: &Arc<OwnedFd>) -> usize {
        *self.duplicate.lock() = Some(Duplicate { file: file.clone(), process: Process::this() });
        // Relaxed, for both: as in `is_open`. The thread learns of it by a lock.
        let opening = self.opening.load(Relaxed).wrapping_add(1);
        self.opening.store(opening, Relaxed);
        opening
    }

    /// The thread must not sleep in it any more. Returns after the thread has noted what its sleep had taken, or an error if
    /// the system refuses to wake it.
    pub(crate) fn close(&self) -> Result<(), Failure> {
        // Relaxed, for both: the rounds order it. Either the thread sees it, or its round is seen here.
        self.opening.store(self.opening.load(Relaxed).wrapping_add(1), Relaxed);
        let mut refused = None;
        self.rounds.settle(self.ringing(&mut refused));
        if let Some(failure) = refused {
            return Err(failure);
        }
        *self.duplicate.lock() = None;
        // Relaxed, for both: the end of the round orders it.
        if self.is_blocking.load(Relaxed) != 0 {
            self.is_blocking.store(0, Relaxed);
            // If this is refused, it stays blocking. No look of ours minds.
            let _ = system::set_blocking(&self.file, false);
        }
        self.sweep();
        Ok(())
    }

    /// Takes rings out that have come too late, so that a loop of the driver's does not see them. Notes the signals among them.
    fn sweep(&self) {
        if self.rings.may_be()
            && let Ok(signals) = self.look()
        {
            self.note(signals);
        }
    }

    /// For the thread: makes the eventfd blocking, so that it can sleep in `read`. Returns `false` if it can't.
    pub(crate) fn prepare(&self, file: &OwnedFd, opening: usize) -> bool {
        let is_prepared = self.in_round(opening, || system::set_blocking(file, true).is_ok()) == Some(true);
        if is_prepared {
            // Relaxed: only this thread writes it while the eventfd is open.
            self.is_blocking.store(1, Relaxed);
        }
        is_prepared
    }

    /// For the thread: sleeps in `read` until there are signals, and notes them, or until a ring. `file` and `opening` are
    /// those of `open`.
    #[inline]
    pub(crate) fn sleep(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.will_take(true);
        self.in_round(opening, || self.read(file)).unwrap_or(Ok(Slept::Closed))
    }

    /// For the thread: sleeps until there are signals, or until a ring, and takes nothing.
    pub(crate) fn sleep_beside(&self, file: &OwnedFd, opening: usize) -> Result<Slept, Failure> {
        self.will_take(false);
        self.in_round(opening, || system::sleep_until_readable(file).map(|()| Slept::Signalled))
            .unwrap_or(Ok(Slept::Closed))
    }

    /// Does something in a round of the thread's, unless it is closed. No lock may be taken in it: see `Rounds::settle`.
    #[inline]
    fn in_round<R>(&self, opening: usize, act: impl FnOnce() -> R) -> Option<R> {
        self.rounds.begin();
        // Relaxed: the rounds order it.
        let done = (self.opening.load(Relaxed) == opening).then(act);
        self.rounds.end();
        done
    }

    /// Says whether the next round takes signals.
    #[inline]
    fn will_take(&self, takes: bool) {
        // Release: pairs with the Acquire in `settle_after_look`, which then need not wait: what the rounds before have taken
        // is noted.
        self.takes.store(usize::from(takes), Release);
    }

    #[inline]
    fn read(&self, file: &OwnedFd) -> Result<Slept, Failure> {
        let Some(count) = system::sleep_for_count(file)? else { return Ok(Slept::NonBlocking) };
        match self.rings.signals(count) {
            0 => Ok(Slept::Rung),
            signals => {
                self.note(signals);
                Ok(Slept::Signalled)
            }
        }
    }

    fn note(&self, signals: u64) {
        self.notes.note_edges(usize::try_from(signals).unwrap_or(usize::MAX));
    }
}

impl AsFd for Counter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("file", &self.file).finish_non_exhaustive()
    }
}
