//! The state of an interrupt: its phase, and what is known or wanted beside it, in one word.
//!
//! | file | holds |
//! |---|---|
//! | this one | the word, and what the public `State` makes of it |
//! | `table` | the phases, the events, and which event leads where |
//!
//! No thread waits on this word, and no data is published through it.
//!
//! - The phase changes only with the interrupt lock held, and by the table. A delivery reads it with the lock held. So
//!   the lock orders the two, and a transition that waits for the lock decides with what it finds then. It also tells of
//!   an ISR in flight: a disable passes through the lock.
//! - `INACTIVE` changes under the interrupt lock too, `KEPT_DISABLED` under the control lock. The others are requests,
//!   which any thread may make: the end of a section finds them.
//! - A read without a lock is a snapshot, for people and for refusals.
//! - The high bits are the number of the process that built the interrupt, or 0 for a `static` one, which needs no thread
//!   and nothing of the system. In a forked child the word reads as [`INHERITED`]: the interrupt has ended there (rule
//!   I20).
//!
//! Hence every access is `Relaxed`, except one pair: a thread that sees in a snapshot that an interrupt is out of
//! service also sees what the interrupt had counted before. Each change is a single read-modify-write, because changes
//! of different bits may meet.

mod table;

pub(crate) use table::{Event, Next, Phase};

use crate::answer::State;
use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, const_outside_models};

/// The bits of the phase.
const PHASE: usize = 0b111;
const ENABLED: usize = Phase::Enabled as usize;

/// The device has gone, or the system has taken it back. Never cleared. The phase follows as soon as the interrupt lock
/// is free.
pub(crate) const GONE: usize = 1 << 3;
/// The handle was dropped inside a section of this interrupt. The thread that ends a section next runs the end.
pub(crate) const END_DEFERRED: usize = 1 << 4;
/// The system asks for the device back. The thread that takes this bit does what that needs, or starts a thread for it.
pub(crate) const REMOVAL_REQUESTED: usize = 1 << 5;
/// The driver has reported it inactive: connected, but not delivered. It has no effect while the interrupt is disabled.
pub(crate) const INACTIVE: usize = 1 << 6;
/// The driver has disabled it and not enabled it since, so its device does not enable it.
pub(crate) const KEPT_DISABLED: usize = 1 << 7;
/// An assertion has been withheld that wakes the device. Set under the interrupt lock.
pub(crate) const WAKES: usize = 1 << 8;
/// There are listeners. Set under the interrupt lock by one that has its place already, and cleared under the lock of the
/// notes where no place is taken.
pub(crate) const LISTENED: usize = 1 << 9;
/// A callback has panicked without the lock. The owner of the lock makes that a fault as it releases.
pub(crate) const FAULT_LEFT: usize = 1 << 10;
/// The run of the work item that keeps the line masked is over. The owner of the lock unmasks the line as it releases.
pub(crate) const UNMASK_LEFT: usize = 1 << 11;
/// The device has gone while the lock was held. The owner of the lock runs the removal callback as it releases.
pub(crate) const REMOVAL_LEFT: usize = 1 << 12;
/// The request for the device has been noted. A source may report it again while it is being met. Never cleared.
#[cfg(feature = "std")]
pub(crate) const REQUEST_NOTED: usize = 1 << 13;
/// The code that uses the notes at this moment has to tell the listeners. Only where a delivery may not wait for the
/// notes.
#[cfg(not(feature = "std"))]
pub(crate) const TELL_LEFT: usize = 1 << 13;
/// The run of the work item that keeps it masked is over, but it does not deliver. The unmask callback runs once it does.
/// Set under the interrupt lock.
pub(crate) const UNMASK_PUT_OFF: usize = 1 << 14;

/// The line of a `static` interrupt has been masked, and is to be unmasked.
pub(crate) const LINE_MASKED: usize = 1 << 15;

/// The bits of the process.
const PROCESS: usize = usize::MAX << sync::BITS_BELOW;
/// What the word of another process's interrupt reads as, beside [`END_DEFERRED`].
const INHERITED: usize = Phase::Ended as usize;

/// Returns what a word means in this process.
#[inline]
fn here(word: usize) -> usize {
    if is_foreign(word) { INHERITED | word & END_DEFERRED } else { word }
}

/// Whether a word is that of another process's interrupt.
#[inline]
fn is_foreign(word: usize) -> bool {
    sync::is_forked() && names_another(word)
}

#[inline]
fn names_another(word: usize) -> bool {
    let process = word & PROCESS;
    process != 0 && process != sync::process_number()
}

/// The state of an interrupt, in one word.
pub(crate) struct StateWord(AtomicUsize);

impl StateWord {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(Phase::Disabled as usize))
        }
    }

    /// Makes the interrupt this process's. A forked child finds it ended.
    #[cfg(feature = "alloc")]
    pub(crate) fn belong_here(&self) {
        self.set(sync::process_number());
    }

    /// Whether another process built the interrupt: one from which this one was forked.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        // Without a load where nothing can be inherited: a model would explore it.
        sync::is_forked() && names_another(self.0.load(Relaxed))
    }

    #[inline]
    pub(crate) fn has(&self, bits: usize) -> bool {
        let word = self.0.load(Relaxed);
        word & bits != 0 && here(word) & bits != 0
    }

    /// Returns the phase. Exact if the caller holds the interrupt lock.
    pub(crate) fn phase(&self) -> Phase {
        Phase::of(here(self.0.load(Relaxed)) & PHASE)
    }

    /// Whether a delivery reaches the ISR.
    #[inline]
    pub(crate) fn delivers(&self) -> bool {
        here(self.0.load(Relaxed)) & (PHASE | GONE | INACTIVE) == ENABLED
    }

    /// Whether a delivery reaches the ISR, no listener has to be woken after it, and the interrupt is of this very process
    /// (of a `static` one that isn't known). One comparison with one value: any other bit asks for a closer look.
    #[inline(always)]
    pub(crate) fn delivers_without_listener(&self) -> bool {
        self.0.load(Relaxed) == ENABLED | sync::process_number()
    }

    /// Whether it is connected and not gone, active or not: an assertion is delivered or withheld.
    pub(crate) fn in_service(&self) -> bool {
        self.phase().is_in_service() && !self.has(GONE)
    }

    /// Returns what `event` would do now. The caller holds the interrupt lock.
    pub(crate) fn next(&self, event: Event) -> Next {
        table::next(event, self.phase())
    }

    /// Moves the interrupt as `event` does. Returns the phase that it has left, or `None` if it stays. The caller holds
    /// the interrupt lock.
    pub(crate) fn apply(&self, event: Event) -> Option<Phase> {
        // Relaxed: only owners of the interrupt lock change the phase. The exchange is for the other bits.
        let mut word = self.0.load(Relaxed);
        loop {
            let from = Phase::of(here(word) & PHASE);
            let Next::To(to) = table::next(event, from) else { return None };
            // Release: pairs with the Acquire in `snapshot`.
            match self.0.compare_exchange(word, word & !PHASE | to as usize, Release, Relaxed) {
                Ok(_) => return Some(from),
                Err(now) => word = now,
            }
        }
    }

    /// Sets `bits`. Returns whether any of them was clear before.
    pub(crate) fn set(&self, bits: usize) -> bool {
        // Release: pairs with the Acquire in `snapshot`.
        self.0.fetch_or(bits, Release) & bits != bits
    }

    /// Clears `bits`. Returns whether any of them was set: for a single bit, `true` for exactly one of several callers.
    pub(crate) fn take(&self, bits: usize) -> bool {
        self.0.fetch_and(!bits, Relaxed) & bits != 0
    }

    /// Takes one snapshot, as the public [`State`].
    pub(crate) fn snapshot(&self) -> State {
        // Acquire: pairs with the Release in `apply` and `set`, so that a listener yields the claims from before a
        // fault, then the fault.
        let word = here(self.0.load(Acquire));
        match Phase::of(word & PHASE) {
            Phase::Ended => State::Ended,
            _ if word & GONE != 0 => State::Removed,
            Phase::Removed => State::Removed,
            Phase::Faulted => State::Faulted,
            Phase::Asleep => State::Asleep,
            Phase::Enabled if word & INACTIVE != 0 => State::Inactive,
            Phase::Enabled => State::Enabled,
            Phase::Disabled | Phase::Connecting => State::Disabled,
        }
    }
}
