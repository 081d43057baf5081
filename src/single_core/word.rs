//! The four bytes of an object's state, and why plain loads and stores are enough for them.
//!
//! On one core there is one kind of concurrency: a vector interrupts, runs to its end, and only then does the interrupted
//! code go on. So whatever a vector changes and changes back, the interrupted code never sees. Each byte keeps to one of
//! two ways of being written, so that no update is lost, at whatever instruction the vector comes:
//!
//! | byte | written | so |
//! |---|---|---|
//! | `sections` | bit by bit, with the mask on, and changed back before the writer returns | a vector may come between the read and the write: the byte is the same afterwards |
//! | `phase` | by who holds the lock | a vector that finds the lock held does not write it |
//! | `left`, `queued` | with constants, each by a single store | there is nothing to be lost between a read and a write |
//!
//! A guard that is forgotten does not change its bit back. A vector that the mask stops can do no harm by that: it never
//! comes in the middle of a change. For the others there is a promise: see `Machine`.
//!
//! The processor itself keeps the order in which its vectors see its stores. The fences are for the compiler.

use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicU8, compiler_fence};

/// Of `sections`: the lock is held.
const HELD: u8 = 1;
/// Of `sections`: the work item runs.
const RUNS: u8 = 1 << 1;
/// Of `sections`: a transition runs the work item, after its section.
const CHANGES: u8 = 1 << 2;

/// Of `phase`: the ISR runs, and the work item can be queued.
const ENABLED: u8 = 1;
/// Of `phase`: an ISR has answered `ClaimedKeepMasked`.
const KEPT: u8 = 1 << 1;

/// Of `queued`: nothing is queued.
const NOT_QUEUED: u8 = 0;
/// Of `queued`: a run is queued.
const QUEUED: u8 = 1;
/// Of `queued`: a run is queued, and was tried inside a section. The section's end tells once more.
const PUT_OFF: u8 = 2;

/// The state of an object.
pub(super) struct Word {
    sections: AtomicU8,
    phase: AtomicU8,
    /// A delivery found the lock held.
    left: AtomicU8,
    queued: AtomicU8,
}

// Every access is Relaxed: there is one core. The fences keep the compiler from moving what a section does out of it.
impl Word {
    pub(super) const fn new() -> Self {
        Self {
            sections: AtomicU8::new(0),
            phase: AtomicU8::new(0),
            left: AtomicU8::new(0),
            queued: AtomicU8::new(NOT_QUEUED),
        }
    }

    // The lock.

    /// Takes the lock. Returns `false` if the caller, or what it has interrupted, holds it.
    #[inline(always)]
    pub(super) fn take(&self) -> bool {
        let sections = self.sections.load(Relaxed);
        if sections & HELD != 0 {
            return false;
        }
        self.sections.store(sections | HELD, Relaxed);
        compiler_fence(SeqCst);
        true
    }

    /// Frees the lock. What is left must be looked at after this: a vector that comes before it finds the lock held.
    #[inline(always)]
    pub(super) fn free(&self) {
        compiler_fence(SeqCst);
        self.sections.store(self.sections.load(Relaxed) & !HELD, Relaxed);
        compiler_fence(SeqCst);
    }

    // What is left to the owner of the lock.

    /// Leaves a delivery to the owner.
    #[inline(always)]
    pub(super) fn leave(&self) {
        self.left.store(1, Relaxed);
    }

    #[inline(always)]
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Relaxed) != 0
    }

    /// Takes what is left. Returns whether anything is: then the caller, which holds the lock, runs the ISR. A delivery that
    /// comes before the store is served by that run, and one that comes later is left again.
    #[inline(always)]
    pub(super) fn take_left(&self) -> bool {
        // If nothing is left, nothing is stored: a vector may leave something between the look and the store.
        let left = self.has_left();
        if left {
            self.left.store(0, Relaxed);
            compiler_fence(SeqCst);
        }
        left
    }

    // Transitions, and runs of the work item.

    /// Takes the lock for a transition. Returns `false` if that would wait for the caller, or for what the caller has
    /// interrupted: a section, a run, or a transition that runs the work item.
    #[inline(always)]
    pub(super) fn take_for_change(&self) -> bool {
        self.sections.load(Relaxed) & (RUNS | CHANGES) == 0 && self.take()
    }

    /// The transition goes on after its section. The caller holds the lock.
    #[inline(always)]
    pub(super) fn change(&self) {
        self.sections.store(self.sections.load(Relaxed) | CHANGES, Relaxed);
    }

    #[inline(always)]
    pub(super) fn end_change(&self) {
        self.sections.store(self.sections.load(Relaxed) & !CHANGES, Relaxed);
    }

    /// Begins a run. Returns `false` if none is queued, or if it can't begin now.
    #[inline(always)]
    pub(super) fn begin_run(&self) -> bool {
        loop {
            let sections = self.sections.load(Relaxed);
            if sections & (HELD | RUNS) != 0 {
                if sections & HELD != 0 && self.is_queued() {
                    // The end of the section tells once more. (The end of a run tells by itself.)
                    self.queued.store(PUT_OFF, Relaxed);
                }
                return false;
            }
            self.sections.store(sections | RUNS, Relaxed);
            compiler_fence(SeqCst);
            if self.is_queued() {
                // What is queued up to here is served by this run.
                self.queued.store(NOT_QUEUED, Relaxed);
                compiler_fence(SeqCst);
                return true;
            }
            self.end_run();
            // A vector that has queued it since has told nobody: look again.
            if !self.is_queued() {
                return false;
            }
        }
    }

    #[inline(always)]
    pub(super) fn runs(&self) -> bool {
        self.sections.load(Relaxed) & RUNS != 0
    }

    #[inline(always)]
    pub(super) fn end_run(&self) {
        compiler_fence(SeqCst);
        self.sections.store(self.sections.load(Relaxed) & !RUNS, Relaxed);
        compiler_fence(SeqCst);
    }

    /// Queues a run. Returns whether none was queued before.
    #[inline(always)]
    pub(super) fn queue(&self) -> bool {
        compiler_fence(SeqCst);
        let new = self.queued.load(Relaxed) == NOT_QUEUED;
        if new {
            self.queued.store(QUEUED, Relaxed);
        }
        new
    }

    #[inline(always)]
    pub(super) fn is_queued(&self) -> bool {
        self.queued.load(Relaxed) != NOT_QUEUED
    }

    #[inline(always)]
    pub(super) fn is_put_off(&self) -> bool {
        self.queued.load(Relaxed) == PUT_OFF
    }

    /// Notes that the section's end tells once more. Returns whether it has to. The caller holds the lock: a vector that
    /// tries the run meanwhile puts it off again.
    #[inline]
    pub(super) fn take_put_off(&self) -> bool {
        let put_off = self.is_put_off();
        if put_off {
            self.queued.store(QUEUED, Relaxed);
        }
        put_off
    }

    // The phase. The caller of what writes holds the lock.

    #[inline(always)]
    pub(super) fn is_enabled(&self) -> bool {
        self.phase.load(Relaxed) & ENABLED != 0
    }

    #[inline]
    pub(super) fn set_enabled(&self) {
        self.phase.store(ENABLED, Relaxed);
    }

    /// Sets it disabled, and forgets that it is kept masked.
    #[inline]
    pub(super) fn set_disabled(&self) {
        self.phase.store(0, Relaxed);
    }

    #[inline]
    pub(super) fn keep(&self) {
        self.phase.store(ENABLED | KEPT, Relaxed);
    }

    #[inline(always)]
    pub(super) fn is_kept(&self) -> bool {
        self.phase.load(Relaxed) & KEPT != 0
    }
}
