//! The state word of an interrupt.
//!
//! No thread waits on this word, and no data is published through it.
//!
//! - The bits that decide about a delivery change only with the interrupt lock held, and the delivery reads them with
//!   the lock held. So the lock orders them. It also tells of an ISR in flight: disable passes through the lock.
//! - The bits of the end, and of a driver's own disable, change under the control lock.
//! - A read without either lock is a snapshot, for people and for refusals.
//!
//! Hence every access is `Relaxed`, except one pair: a thread that sees in a snapshot that an interrupt is out of
//! service also sees what the interrupt had counted before. Each change is a single read-modify-write, because changes
//! of different bits may meet.

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, const_outside_models};

/// Deliveries reach the ISR. Changes under the interrupt lock.
pub(crate) const ENABLED: usize = 1;
/// A fault has taken it out of service. Set under the interrupt lock; `clear_fault` clears it, under the same lock.
pub(crate) const FAULTED: usize = 1 << 1;
/// The device has gone. Never cleared.
pub(crate) const REMOVED: usize = 1 << 2;
/// The handle has been dropped, and the end is over. Never cleared.
pub(crate) const ENDED: usize = 1 << 3;
/// The handle was dropped inside a section of this interrupt, or where its end could not wait. The thread that ends a
/// section next runs the end.
pub(crate) const END_DEFERRED: usize = 1 << 4;
/// The system asks for the device back. The worker does what that needs, or the caller if there is no worker.
#[cfg(feature = "std")]
pub(crate) const REMOVAL_REQUESTED: usize = 1 << 5;

/// The driver has reported it inactive: connected, but not delivered. Changes under the interrupt lock. It has no
/// effect while the interrupt is disabled.
pub(crate) const INACTIVE: usize = 1 << 6;

/// The driver has disabled it and not enabled it since, so its device does not enable it. Changes under the control
/// lock.
pub(crate) const KEPT_DISABLED: usize = 1 << 7;

/// Connected while its device is in low power: an assertion wakes the device. Changes under the interrupt lock.
pub(crate) const ASLEEP: usize = 1 << 8;
/// An assertion has been withheld that wakes the device. Set under the interrupt lock.
pub(crate) const WAKES: usize = 1 << 9;
/// A listener waits for claims. Set under the interrupt lock.
pub(crate) const LISTENED: usize = 1 << 10;

/// The state of an interrupt, in one word.
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

    /// Whether a delivery reaches the ISR, and no listener has to be woken after it. One comparison, like `delivers`.
    #[inline]
    pub(crate) fn delivers_without_listener(&self) -> bool {
        self.0.load(Relaxed) & (ENABLED | FAULTED | REMOVED | ENDED | INACTIVE | ASLEEP | LISTENED) == ENABLED
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
        // Acquire: pairs with the Release in `set`, so that a listener yields the claims from before a fault, then the
        // fault.
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

/// The state of an interrupt at one moment, for drivers and operators.
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
    /// Connected, but not delivered until the driver reports it active.
    Inactive,
    /// Connected while its device is in low power. An assertion wakes the device ([rule
    /// E9](crate::guide::contract#e9)).
    Asleep,
    /// Taken out of service by a fault, and disconnected. [`clear_fault`](crate::InterruptObject::clear_fault) ends
    /// this.
    Faulted,
    /// Its device has gone. This does not end.
    Removed,
    /// Its handle has been dropped. This does not end.
    Ended,
}
