//! The word of a work item: queued, running, open, and how many queueings were merged.
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | 5… | queueings since the last run began | each queueing adds one | the run that begins |
//! | 4 | `KEPT` | an ISR that keeps its line masked | whoever opens the line, with the interrupt lock held |
//! | 3 | `WAITED` | a flush, before it sleeps | the end of the run, which wakes it |
//! | 2 | `OPEN` | enable | disable, before it flushes |
//! | 1 | `RUNNING` | the run that begins | the run that ends |
//! | 0 | `QUEUED` | the first queueing | the run that begins |
//!
//! `QUEUED` and `RUNNING` may both be set: that is the one more run which a queueing during a run causes. A run begins
//! by one compare-exchange from `QUEUED` without `RUNNING`, so runs never overlap, and a queueing is either counted by
//! the run that begins or finds `QUEUED` cleared and causes the next. A closed item takes no queueing, so a flush ends.
//!
//! A merged queueing is a read-modify-write too, where the load has shown already that one is queued. The tempting
//! shortcut, to leave it at the load, loses what the caller did before: the run may have begun since, with the caller's
//! stores still on their way.
//!
//! `KEPT` is in this word so that it and the end of a run meet in one order: either that end finds it, or whoever keeps
//! the line finds the run over.

use crate::lock::raw::Awaited;
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

/// The coalescing state of a work item; it knows nothing of what is run.
pub(crate) struct WorkWord {
    word: AtomicUsize,
    /// The identity of the thread that runs it; 0 for none.
    runner: AtomicUsize,
    parker: Parker,
}

/// What a queueing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queueing {
    New,
    Merged,
    Closed,
}

/// What the end of a run found.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    /// Another run is queued.
    pub(crate) more: bool,
    /// An ISR keeps its line masked.
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

    /// Takes queueings from now on.
    pub(crate) fn open(&self) {
        // Relaxed: publishes nothing; what a queueing publishes, it publishes itself.
        self.word.fetch_or(OPEN, Relaxed);
    }

    /// Takes none from now on. What is queued stays so.
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
            // The count saturates rather than run into nothing: 2^59 queueings before one run.
            let queued = if word & COUNT == COUNT { word } else { word + ONE } | QUEUED;
            // Release: pairs with the Acquire in `begin`, so the run sees what was done before the queueing.
            match self.word.compare_exchange(word, queued, Release, Relaxed) {
                Ok(_) if word & QUEUED != 0 => return Queueing::Merged,
                Ok(_) => return Queueing::New,
                Err(now) => word = now,
            }
        }
    }

    /// Begins the queued run, if there is one and none is running: how many queueings it answers.
    #[inline]
    pub(crate) fn begin(&self) -> Option<usize> {
        // Relaxed: a first guess for the compare-exchange.
        let mut word = self.word.load(Relaxed);
        while word & (QUEUED | RUNNING) == QUEUED {
            // Acquire: pairs with the Release in `queue` and in `end` (the run before this one happens before it).
            match self.word.compare_exchange(word, (word & !(QUEUED | COUNT)) | RUNNING, Acquire, Relaxed) {
                Ok(_) => {
                    // Relaxed: exact for the runner itself; others compare it with the queue of waits locked.
                    self.runner.store(sync::this_thread(), Relaxed);
                    return Some(word / ONE);
                }
                Err(now) => word = now,
            }
        }
        None
    }

    /// Ends the run.
    #[inline]
    pub(crate) fn end(&self) -> Ended {
        // Relaxed: see `begin`.
        self.runner.store(0, Relaxed);
        // Release: pairs with the Acquire in the next `begin`, in `is_idle` and in `keep`. Acquire: with the Release in
        // `has_its_end_to_come`.
        let word = self.word.fetch_and(!(RUNNING | WAITED), AcqRel);
        if word & WAITED != 0 {
            self.wake();
        }
        Ended { more: word & QUEUED != 0, kept: word & KEPT != 0 }
    }

    #[cold]
    fn wake(&self) {
        self.parker.wake_all(&self.word);
    }

    /// Notes that a line stays masked until a run has ended. The answer is whether none is queued or going on: then no
    /// end of a run will find the note. The caller holds the interrupt lock.
    pub(crate) fn keep(&self) -> bool {
        // Acquire: pairs with the Release in `end`, so the line is opened after what the last run did.
        self.word.fetch_or(KEPT, Acquire) & (QUEUED | RUNNING) == 0
    }

    /// Whether a line is kept masked. The caller holds the interrupt lock.
    #[cfg(feature = "std")]
    pub(crate) fn keeps(&self) -> bool {
        // Relaxed: whoever keeps a line or opens it holds the interrupt lock, which orders it.
        self.word.load(Relaxed) & KEPT != 0
    }

    /// Takes that note back; whether there was one. The caller holds the interrupt lock.
    pub(crate) fn take_kept(&self) -> bool {
        // Relaxed, both: the bit changes with the interrupt lock held alone, which orders this; so the load decides.
        let kept = self.word.load(Relaxed) & KEPT != 0;
        if kept {
            self.word.fetch_and(!KEPT, Relaxed);
        }
        kept
    }

    /// Whether a run is going on. What its runner does after `end` sees what the caller has seen.
    pub(crate) fn has_its_end_to_come(&self) -> bool {
        // Release, and a read-modify-write: pairs with the Acquire in `end`, which comes after it where it finds the bit.
        self.word.fetch_or(0, Release) & RUNNING != 0
    }

    /// Waits while it runs. The caller must not be its runner, and asks `is_idle` what came of it.
    pub(crate) fn wait_until_not_running(&self) {
        // Relaxed, all of it: `is_idle` is asked afterwards, and reads what `end` has released.
        let mut word = self.word.load(Relaxed);
        while word & RUNNING != 0 {
            if let Err(now) = self.word.compare_exchange(word, word | WAITED, Relaxed, Relaxed) {
                word = now;
                continue;
            }
            let _: Parked = self.parker.park(
                &self.word,
                0,
                // `end` clears the bits before it locks the queue, so no wake-up comes between this and the sleep.
                || self.word.load(Relaxed) & (RUNNING | WAITED) == RUNNING | WAITED,
                |_| {},
                None,
            );
            word = self.word.load(Relaxed);
        }
    }

    /// Whether no run is queued and none is going on.
    pub(crate) fn is_idle(&self) -> bool {
        // Acquire: pairs with the Release in `end`, so what the last run did is seen.
        self.word.load(Acquire) & (QUEUED | RUNNING) == 0
    }

    /// Whether a run is queued that has not begun.
    pub(crate) fn is_queued(&self) -> bool {
        // Relaxed: a snapshot.
        self.word.load(Relaxed) & QUEUED != 0
    }

    /// How many queueings no run has answered yet.
    pub(crate) fn unanswered(&self) -> usize {
        // Relaxed: a snapshot.
        self.word.load(Relaxed) / ONE
    }

    /// Its run as something that a thread may wait for.
    pub(crate) fn awaited(&self) -> Awaited<'_> {
        Awaited(&self.runner)
    }

    /// Whether the calling thread runs it.
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: see `begin`.
        self.runner.load(Relaxed) == sync::this_thread()
    }
}
