//! From an assertion to the ISR's answer.
//!
//! A delivery is one section of the interrupt lock: it takes what the source signalled, runs the ISR and opens the line
//! again. So whoever holds the lock knows that no delivery is half done: that is all the synchronisation that disable,
//! faults and the end need. The event is taken before the ISR looks at the device, so what arrives meanwhile is seen.

mod isr;
#[cfg(all(unix, feature = "std"))]
mod own_loop;
mod source;

use core::fmt;

pub(super) use source::{NotServed, Reopen};

use crate::Claim;
use crate::interrupt::InterruptObject;
use crate::lock::InterruptLockGuard;
use crate::sync::{
    self,
    Ordering::{Acquire, Release},
};

/// What became of a call of [`service`](InterruptObject::service).
///
/// ```
/// use interrupt_lock::{Claim, Delivery, Interrupt};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.service(), Delivery::NotServed);
/// interrupt.enable()?;
/// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The ISR ran and answered this.
    Answered(Claim),
    /// The source had signalled nothing since it was last served.
    Nothing,
    /// The lock is held by whom the caller can't wait for: by the caller itself, or on bare metal by anybody. The ISR
    /// runs as soon as that section ends.
    Pending,
    /// Disabled, quarantined, removed or ended: the ISR does not run.
    NotServed,
    /// Reported inactive, or asleep with its device: what was signalled has been taken, and is kept for when the interrupt
    /// is active again.
    Withheld,
}

impl<T, W> InterruptObject<T, W> {
    /// Serves the interrupt: takes what its source signalled, runs the ISR with the lock held, opens the line again.
    ///
    /// Dispatchers, an interrupt vector, a driver's own loop and a model all call this. Where the object has no source
    /// the call itself is the assertion. It waits for the lock, but never for the caller's own section, and on bare
    /// metal for nobody's: then the section's release runs the ISR.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(0).isr(|count| { **count += 1; Claim::Claimed }).build()?;
    /// interrupt.enable()?;
    ///
    /// let count = interrupt.acquire_interrupt_lock();
    /// assert_eq!(interrupt.service(), Delivery::Pending);
    /// assert_eq!(*count, 0);
    /// drop(count); // runs the ISR
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    pub fn service(&self) -> Delivery {
        self.service_waiting(sync::DELIVERY_MAY_WAIT)
    }

    /// `may_wait` is false for an interrupt vector, which can't wait for what it interrupted.
    #[inline]
    pub(crate) fn service_waiting(&self, may_wait: bool) -> Delivery {
        match self.enter(may_wait) {
            None => Delivery::Pending,
            Some((mut data, asserted)) if self.state.delivers_unheard() => self.deliver_enabled(&mut data, asserted),
            Some((data, asserted)) => self.deliver_and_tell(data, asserted),
        }
    }

    /// The delivery where there is a listener, or where it does not reach the ISR.
    #[cold]
    fn deliver_and_tell(&self, mut data: InterruptLockGuard<'_, T>, asserted: usize) -> Delivery {
        let delivery = self.deliver(&mut data, asserted);
        drop(data);
        self.tell_listener();
        delivery
    }

    /// The section of a delivery, and the assertions that it serves where there is no source. `None`: the owner of the
    /// lock serves it.
    #[inline]
    pub(super) fn enter(&self, may_wait: bool) -> Option<(InterruptLockGuard<'_, T>, usize)> {
        let mut asserted = 1;
        let data = self.lock().deliver(
            may_wait,
            || {
                // From here on the count speaks for this call: it may be the owner who serves it.
                asserted = 0;
                // Release: pairs with the Acquire in `take_owed`. The pending bit alone would not do: whoever holds the lock
                // next may take the count before the bit is there.
                self.owed.fetch_add(1, Release);
            },
            |wait| self.through_wait(wait),
        )?;
        if asserted == 0 {
            asserted = self.take_owed();
            if asserted == 0 {
                // Another owner was faster.
                return None;
            }
        }
        Some((data, asserted))
    }

    /// Does `wait`, the wait of a delivery, and measures it where the interrupt is timed.
    fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            return timing.through_wait(wait);
        }
        wait();
    }

    /// What deliveries without a source have left to be served, with all that they did before. The caller holds the lock.
    pub(super) fn take_owed(&self) -> usize {
        // Acquire: pairs with the Release in `enter`.
        self.owed.swap(0, Acquire)
    }

    /// The delivery itself. The caller holds the lock, and `data` is the proof. `asserted` counts the assertions of an
    /// interrupt without a source.
    #[inline]
    pub(super) fn deliver(&self, data: &mut T, asserted: usize) -> Delivery {
        if !self.state.delivers() {
            return self.deliver_nothing(data, asserted);
        }
        self.deliver_enabled(data, asserted)
    }

    /// As [`deliver`](Self::deliver), where the state has been looked at.
    #[inline]
    fn deliver_enabled(&self, data: &mut T, asserted: usize) -> Delivery {
        // SAFETY: the caller holds the interrupt lock, under which alone `registered` is used, and is not inside of it:
        // callbacks run with the lock held, and nothing that they can call delivers then.
        unsafe {
            self.registered.with(|registered| match self.take_caught(registered, data, asserted) {
                Ok(0) => Delivery::Nothing,
                Ok(asserted) => self.answer(registered, data, asserted, Reopen::Yes),
                Err(NotServed) => Delivery::NotServed,
            })
        }
    }

    #[cold]
    fn deliver_nothing(&self, data: &mut T, asserted: usize) -> Delivery {
        if self.state.in_service() {
            return self.withhold(data, asserted);
        }
        if !self.has_source {
            self.counters.stale.add_exclusive(asserted);
        }
        Delivery::NotServed
    }

    /// Serves what deliveries have left. The caller holds the lock, and `data` is the proof.
    pub(in crate::interrupt) fn serve_owed(&self, data: &mut T) {
        let owed = self.take_owed();
        if owed != 0 {
            self.deliver(data, owed);
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered(Claim::Unclaimed) => "not claimed",
            Self::Answered(Claim::DeviceGone) => "device gone",
            Self::Answered(_) => "claimed",
            Self::Nothing => "nothing signalled",
            Self::Pending => "pending",
            Self::NotServed => "not served",
            Self::Withheld => "withheld",
        })
    }
}
