//! The word of a work item (rules W1, W2, W3): queued, running, open, and how many queueings were merged.
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | 5… | queueings since the last run began | each queueing adds one | the run that begins |
//! | 4 | `KEPT` | an ISR that keeps its line masked | what unmasks the line, with the interrupt lock held |
//! | 3 | `WAITED` | a flush, before it sleeps | the end of the run, which wakes it |
//! | 2 | `OPEN` | enable | disable, before it flushes |
//! | 1 | `RUNNING` | the run that begins | the run that ends |
//! | 0 | `QUEUED` | the first queueing | the run that begins |
//!
//! `QUEUED` and `RUNNING` may both be set: a queueing during a run causes one more run. A run begins by one
//! compare-exchange from `QUEUED` without `RUNNING`, so runs never overlap. A queueing is either counted by the run
//! that begins, or finds `QUEUED` cleared and causes the next run. A closed work item takes no queueing, so a flush
//! ends.
//!
//! A merged queueing is a read-modify-write too, although the load has already shown that the work item is queued. The
//! tempting shortcut, to do no more than the load, loses what the caller did before: the run may have begun since,
//! while the caller's stores are still on their way.
//!
//! `KEPT` is in this word so that it and the end of a run have one order: either the end of the run finds the bit, or
//! the ISR that keeps the line masked finds the run over.

use core::hint::cold_path;

use crate::circle::{Circle, Kind};
use crate::lock::waits::{self, Awaited, Label};
use crate::name::Name;
use crate::sync;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, Parked, Parker, const_outside_models};

const QUEUED: usize = 1;
const RUNNING: usize = 1 << 1;
const OPEN: usize = 1 << 2;
const WAITED: usize = 1 << 3;
const KEPT: usize = 1 << 4;
const ONE: usize = 1 << 5;
const COUNT: usize = !(ONE - 1);

/// The state of a work item, and how many queueings were merged. It does not know the work item itself.
pub(crate) struct WorkWord {
    word: AtomicUsize,
    /// The identity of the thread that runs the work item; 0 if none does.
    runner: AtomicUsize,
    parker: Parker,
}

/// What became of a queueing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queueing {
    New,
    Merged,
    Closed,
}

/// What the end of a run has found.
#[derive(Clone, Copy)]
pub(crate) struct RunEnd {
    /// Another run is queued.
    pub(crate) more: bool,
    /// The line is kept masked.
    pub(crate) kept: bool,
}

impl WorkWord {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self {
                word: AtomicUsize::new(0),
                runner: AtomicUsize::new(0),
                parker: Parker::new(),
            }
        }
    }

    /// Begins to take queueings.
    pub(crate) fn open(&self) {
        // Relaxed: publishes nothing. Each queueing publishes for itself.
        self.word.fetch_or(OPEN, Relaxed);
    }

    /// Stops taking queueings. A work item that is queued stays queued.
    pub(crate) fn close(&self) {
        // Relaxed: as in `open`.
        self.word.fetch_and(!OPEN, Relaxed);
    }

    #[inline]
    pub(crate) fn queue(&self) -> Queueing {
        // Relaxed: a first guess for the compare-exchange.
        let mut word = self.word.load(Relaxed);
        loop {
            if word & OPEN == 0 {
                return Queueing::Closed;
            }
            // The count saturates instead of overflowing, at 2^59 queueings before one run.
            let queued = if word & COUNT == COUNT { word } else { word + ONE } | QUEUED;
            // Release: pairs with the Acquire in `begin`, so the run sees what the caller did before the queueing.
            match self.word.compare_exchange(word, queued, Release, Relaxed) {
                Ok(_) if word & QUEUED != 0 => return Queueing::Merged,
                Ok(_) => return Queueing::New,
                Err(now) => {
                    cold_path();
                    word = now;
                }
            }
        }
    }

    /// Begins the queued run, if there is one and no run is under way. Returns how many queueings were merged into it, beside
    /// the first.
    #[inline]
    pub(crate) fn begin(&self) -> Option<usize> {
        // A vector in between would find a run, but not that it has interrupted it: its disable would wait for ever.
        let found = sync::mask();
        let begun = self.begin_masked();
        sync::unmask(found);
        begun
    }

    #[inline(always)]
    fn begin_masked(&self) -> Option<usize> {
        // Relaxed: a first guess for the compare-exchange.
        let mut word = self.word.load(Relaxed);
        while word & (QUEUED | RUNNING) == QUEUED {
            // Acquire: pairs with the Release in `queue`, and in `end` so that the run before this one happens before
            // it.
            match self.word.compare_exchange(word, (word & !(QUEUED | COUNT)) | RUNNING, Acquire, Relaxed) {
                Ok(_) => {
                    // Relaxed: exact for the runner itself. Other threads compare it while the queue of waits is
                    // locked.
                    self.runner.store(sync::this_thread(), Relaxed);
                    // A queueing sets `QUEUED` and adds one, so there is one at least.
                    return Some((word - ONE) / ONE);
                }
                Err(now) => {
                    cold_path();
                    word = now;
                }
            }
        }
        None
    }

    /// Ends the run.
    #[inline]
    pub(crate) fn end(&self) -> RunEnd {
        // As in `begin`.
        let found = sync::mask();
        // Relaxed: see `begin_masked`.
        self.runner.store(0, Relaxed);
        // A subtraction, because some processors return the old value of that alone in one instruction. The bit is set.
        // Release: pairs with the Acquire in the next `begin`, in `is_idle` and in `keep_masked`.
        // Acquire: pairs with the Release in `run_has_yet_to_end`.
        let word = self.word.fetch_sub(RUNNING, AcqRel);
        sync::unmask(found);
        if word & (WAITED | QUEUED | KEPT) == 0 {
            RunEnd { more: false, kept: false }
        } else {
            self.end_with_more(word)
        }
    }

    /// The end of a run for which a flush waits, after which another is queued, or that the line waits for.
    #[cold]
    fn end_with_more(&self, word: usize) -> RunEnd {
        if word & WAITED != 0 {
            // A flush that waits for the next run already sets the bit once more, or sleeps already and is woken in vain.
            // Relaxed: `park` looks at it with the queue locked, as `wake_all` comes to it.
            self.word.fetch_and(!WAITED, Relaxed);
            self.parker.wake_all(&self.word);
        }
        RunEnd { more: word & QUEUED != 0, kept: word & KEPT != 0 }
    }

    /// Notes that the line stays masked until a run has ended. Returns whether no run is queued or under way: then no
    /// end of a run will find the note. The caller holds the interrupt lock.
    pub(crate) fn keep_masked(&self) -> bool {
        // Acquire: pairs with the Release in `end`, so the line is unmasked after what the last run did.
        self.word.fetch_or(KEPT, Acquire) & (QUEUED | RUNNING) == 0
    }

    /// Whether the line is kept masked. The caller holds the interrupt lock.
    #[inline]
    pub(crate) fn keeps_masked(&self) -> bool {
        // Relaxed: the bit changes with the interrupt lock held only, which orders this.
        self.word.load(Relaxed) & KEPT != 0
    }

    /// Takes back the note that the line is kept masked. Returns whether there was one. The caller holds the interrupt
    /// lock.
    pub(crate) fn take_kept(&self) -> bool {
        // Relaxed, both: the bit changes with the interrupt lock held only, which orders this. So the load decides.
        let kept = self.word.load(Relaxed) & KEPT != 0;
        if kept {
            self.word.fetch_and(!KEPT, Relaxed);
        }
        kept
    }

    /// Whether a run is under way.
    pub(crate) fn runs(&self) -> bool {
        // Relaxed: a snapshot.
        self.word.load(Relaxed) & RUNNING != 0
    }

    /// Whether a run is under way, whose `end` is still to come. What the runner does after that `end` sees what the
    /// caller has seen.
    pub(crate) fn run_has_yet_to_end(&self) -> bool {
        // Release, and a read-modify-write: pairs with the Acquire in `end`. If this finds `RUNNING`, that `end` comes
        // after it.
        self.word.fetch_or(0, Release) & RUNNING != 0
    }

    /// Waits while a run is under way. The caller must not be the runner, and must call `is_idle` afterwards. `name` is
    /// the interrupt's.
    ///
    /// Returns an error if the wait would never end: with the circle, or nothing if the wait has been called off. Only
    /// the wait of an end can be.
    pub(crate) fn wait_until_not_running(&self, name: &Name, for_end: bool) -> Result<(), Option<Circle>> {
        if !self.runs() {
            return Ok(());
        }
        let flag = waits::Flag::new();
        let run = Awaited { owner: &self.runner, taken_at: None, label: Label::of(Kind::WorkItem, name) };
        let call_off = waits::CallOff { flag: &flag, parker: &self.parker, word: &self.word };
        waits::through_soft(run, for_end.then_some(call_off), || self.sleep_while_running(&flag))?;
        if flag.is_set() { Err(None) } else { Ok(()) }
    }

    fn sleep_while_running(&self, called_off: &waits::Flag) {
        // Relaxed, all of it: the caller's `is_idle` acquires what `end` has released.
        let mut word = self.word.load(Relaxed);
        while word & RUNNING != 0 && !called_off.is_set() {
            if let Err(now) = self.word.compare_exchange(word, word | WAITED, Relaxed, Relaxed) {
                word = now;
                continue;
            }
            let _: Parked = self.parker.park(
                &self.word,
                0,
                // `end` clears the bits before it locks the queue to wake, so it can't wake between this look and the
                // sleep.
                || self.word.load(Relaxed) & (RUNNING | WAITED) == RUNNING | WAITED && !called_off.is_set(),
                |_| {},
                None,
            );
            word = self.word.load(Relaxed);
        }
    }

    /// Whether no run is queued and none is under way.
    pub(crate) fn is_idle(&self) -> bool {
        // Acquire: pairs with the Release in `end`, so the caller sees what the last run did.
        self.word.load(Acquire) & (QUEUED | RUNNING) == 0
    }

    /// Whether a run is queued that has not begun.
    pub(crate) fn is_queued(&self) -> bool {
        // Relaxed: a snapshot.
        self.word.load(Relaxed) & QUEUED != 0
    }

    /// How many queueings have been made since the last run began.
    pub(crate) fn unanswered(&self) -> usize {
        // Relaxed: a snapshot.
        self.word.load(Relaxed) / ONE
    }

    /// The identity of the thread that runs the work item, or 0.
    pub(crate) fn runner(&self) -> usize {
        // Relaxed: a snapshot.
        self.runner.load(Relaxed)
    }

    /// Whether the calling thread runs the work item.
    pub(crate) fn is_mine(&self) -> bool {
        sync::is_this_thread(&self.runner)
    }
}
