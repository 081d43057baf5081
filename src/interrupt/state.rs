//! The state word of an interrupt.
//!
//! Nothing waits on this word and nothing is published through it. The bits that decide about a delivery change only
//! with the interrupt lock held, and the delivery reads them with the lock held: the lock orders them, and is the
//! witness of an ISR in flight (disable passes through it). The end changes under the control lock. What is read without
//! either is a snapshot for people and for refusals. Hence every access is `Relaxed`, but for one pair: who sees, in a
//! snapshot, that an interrupt is out of service also sees what it had counted before. A change is a single
//! read-modify-write, because changes of different bits may meet.

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, const_outside_models};

/// Deliveries reach the ISR. Changes under the interrupt lock.
pub(crate) const ENABLED: usize = 1;
/// Quarantined. Set under the interrupt lock, cleared under it by `clear_fault`.
pub(crate) const FAULTED: usize = 1 << 1;
/// The device has gone. Never cleared.
pub(crate) const REMOVED: usize = 1 << 2;
/// The handle has gone, and the end is over. Never cleared.
pub(crate) const ENDED: usize = 1 << 3;
/// The handle was dropped inside a section of this interrupt; whoever ends a section runs it down.
pub(crate) const END_DEFERRED: usize = 1 << 4;
/// The system asks for the device back; the worker sees to it.
#[cfg(feature = "std")]
pub(crate) const REMOVAL_REQUESTED: usize = 1 << 5;

/// Reported inactive: connected, but not served. Changes under the interrupt lock, and means nothing while disabled.
pub(crate) const INACTIVE: usize = 1 << 6;

/// The driver has disabled it, and not enabled it since: a device leaves it alone. Changes under the control lock.
pub(crate) const KEPT_DISABLED: usize = 1 << 7;

/// Connected while its device is in low power: an assertion wakes the device. Changes under the interrupt lock.
pub(crate) const ASLEEP: usize = 1 << 8;
/// An assertion has been kept that wakes the device. Set under the interrupt lock.
pub(crate) const WAKES: usize = 1 << 9;
/// A listener waits for claims. Set under the interrupt lock.
pub(crate) const LISTENED: usize = 1 << 10;

/// The word itself.
pub(crate) struct StateWord(AtomicUsize);

impl StateWord {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    #[inline]
    pub(crate) fn has(&self, bits: usize) -> bool {
        self.0.load(Relaxed) & bits != 0
    }

    /// Whether a delivery reaches the ISR.
    #[inline]
    pub(crate) fn delivers(&self) -> bool {
        self.0.load(Relaxed) & (ENABLED | FAULTED | REMOVED | ENDED | INACTIVE | ASLEEP) == ENABLED
    }

    /// Whether it is connected, active or not.
    pub(crate) fn in_service(&self) -> bool {
        self.0.load(Relaxed) & (ENABLED | FAULTED | REMOVED | ENDED) == ENABLED
    }

    /// Whether a delivery reaches the ISR, and no listener has to be told of it. One comparison, as `delivers`.
    #[inline]
    pub(crate) fn delivers_unheard(&self) -> bool {
        self.0.load(Relaxed) & (ENABLED | FAULTED | REMOVED | ENDED | INACTIVE | ASLEEP | LISTENED) == ENABLED
    }

    /// Sets `bits`, and says whether any is new.
    pub(crate) fn set(&self, bits: usize) -> bool {
        // Release: pairs with the Acquire in `snapshot`.
        self.0.fetch_or(bits, Release) & bits != bits
    }

    /// Clears `bits`, and says whether any was set: of several callers one learns that it was.
    pub(crate) fn take(&self, bits: usize) -> bool {
        self.0.fetch_and(!bits, Relaxed) & bits != 0
    }

    /// One snapshot, in the words of the public state.
    pub(crate) fn snapshot(&self) -> State {
        // Acquire: pairs with the Release in `set`: a listener tells the claims from before a fault before the fault.
        let word = self.0.load(Acquire);
        if word & ENDED != 0 {
            State::Ended
        } else if word & REMOVED != 0 {
            State::Removed
        } else if word & FAULTED != 0 {
            State::Faulted
        } else if word & (ENABLED | ASLEEP) == ENABLED | ASLEEP {
            State::Asleep
        } else if word & (ENABLED | INACTIVE) == ENABLED | INACTIVE {
            State::Inactive
        } else if word & ENABLED != 0 {
            State::Enabled
        } else {
            State::Disabled
        }
    }
}

/// What an interrupt is doing, at one moment.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, State};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.state(), State::Disabled);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not connected: not yet enabled, or disabled.
    Disabled,
    /// Connected and served.
    Enabled,
    /// Connected, and not served until it is reported active.
    Inactive,
    /// Connected while its device is in low power, which an assertion ends (rule E9).
    Asleep,
    /// Quarantined by a fault, disconnected.
    Faulted,
    /// Its device has gone.
    Removed,
    /// Its handle has gone.
    Ended,
}
