//! From an assertion to the ISR's claim.
//!
//! A delivery is one section of the interrupt lock: it takes what the source signalled, runs the ISR and unmasks the
//! line. So the owner of the lock knows that no delivery is half done. Disable, faults and the end need no other
//! synchronisation. A delivery takes the event before the ISR looks at the device, so an assertion that arrives
//! meanwhile is signalled anew and not lost.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | `service`, and what it does if the lock is held or the interrupt does not deliver | I2, I3 |
//! | `source` | the calls to the source: take, report the claim, unmask | I3, I6 |
//! | `isr` | the run of the ISR, and what follows from its claim; the poll of a silent line | I1, I10, I14 |
//! | `kept` | from an ISR that keeps its interrupt masked to its unmasking | I6 |
//!
//! Shared lines (rule I7) are in `source::shared_line`, storms (rule I10) are recognised in `observe::storm`.

mod isr;
mod kept;
mod source;

pub(super) use source::{AfterIsr, NotServed};

use core::mem::ManuallyDrop;

use crate::answer::Delivery;
use crate::claim::Claim;
use crate::interrupt::InterruptObject;
use crate::lock::DeliveryGuard;
use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};

impl<T, W> InterruptObject<T, W> {
    /// Serves the interrupt: takes what its source signalled, runs the ISR with the lock held, and unmasks the line.
    ///
    /// A dispatcher, an interrupt vector, a driver's own loop and a model all call this function. If the object has no
    /// source, the call itself is the assertion.
    ///
    /// It waits for the interrupt lock, with two exceptions. If the calling thread holds the lock itself, or something
    /// that the owner of the lock waits for, the call returns [`Delivery::Pending`], and the release of the lock runs
    /// the ISR. On bare metal it never waits: it returns `Pending` whenever the lock is held.
    ///
    /// It stands for the framework's call of *OnInterruptIsr*. A panic of the ISR is a fault, and does not reach the
    /// caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt};
    ///
    /// struct Timer {
    ///     ticks: u32,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Timer { ticks: 0 })
    ///     .isr(|timer| {
    ///         timer.ticks += 1;
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
    ///
    /// let timer = interrupt.acquire_interrupt_lock();
    /// assert_eq!(interrupt.service(), Delivery::Pending); // this thread holds the lock
    /// assert_eq!(timer.ticks, 1);
    /// drop(timer); // the release runs the ISR
    /// assert_eq!(interrupt.acquire_interrupt_lock().ticks, 2);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    pub fn service(&self) -> Delivery {
        self.service_waiting(sync::DELIVERY_MAY_WAIT)
    }

    /// As [`service`](Self::service). `may_wait` is `false` for an interrupt vector, which can't wait for the code that
    /// it interrupted.
    #[inline]
    pub(crate) fn service_waiting(&self, may_wait: bool) -> Delivery {
        match self.lock().deliver_at_once() {
            Some(data) if self.state.delivers_without_listener() => self.deliver_at_once(data),
            Some(data) => self.deliver_and_tell(data, 1),
            None => self.service_later(may_wait),
        }
    }

    /// The delivery if the lock was free and the interrupt delivers. Every instruction of it counts, if it is plain.
    ///
    /// Nothing here unwinds. So the guard is not dropped by unwinding, and nothing of it has to be in memory meanwhile.
    #[inline(always)]
    fn deliver_at_once(&self, data: DeliveryGuard<'_, T>) -> Delivery {
        let mut data = ManuallyDrop::new(data);
        // SAFETY: as in `deliver_enabled`.
        if !unsafe { self.registered.with(|registered| registered.is_plain()) } {
            let delivery = self.deliver_enabled(&mut data, 1);
            drop(ManuallyDrop::into_inner(data));
            return delivery;
        }
        // SAFETY: as in `deliver_enabled`.
        match unsafe { self.registered.with(|registered| self.call_isr(registered, &mut data, 1)) } {
            (in_isr, Ok(Claim::Claimed)) => {
                sync::leave_isr(in_isr);
                self.claim_counts.claimed.count_exclusive();
                drop(ManuallyDrop::into_inner(data));
                Delivery::Answered(Claim::Claimed)
            }
            (in_isr, claim) => self.follow_plain_isr(ManuallyDrop::into_inner(data), in_isr, claim),
        }
    }

    /// The delivery if the lock is held, or if another delivery waits for it.
    #[cold]
    fn service_later(&self, may_wait: bool) -> Delivery {
        match self.enter_later(may_wait) {
            None if self.state.is_inherited() => Delivery::NotServed,
            None => Delivery::Pending,
            Some((data, asserted)) => self.deliver_and_tell(data, asserted),
        }
    }

    /// The delivery if there is a listener, or if it does not reach the ISR.
    #[cold]
    fn deliver_and_tell(&self, mut data: DeliveryGuard<'_, T>, asserted: usize) -> Delivery {
        let delivery = self.deliver(&mut data, asserted);
        drop(data);
        self.tell_listeners();
        delivery
    }

    /// Begins the section of a delivery. Returns the guard, and how many assertions the delivery serves if there is no
    /// source. Returns `None` if the delivery is left to the owner of the lock.
    #[cfg(feature = "std")]
    #[inline]
    pub(super) fn enter(&self, may_wait: bool) -> Option<(DeliveryGuard<'_, T>, usize)> {
        match self.lock().deliver_at_once() {
            Some(data) => Some((data, 1)),
            None => self.enter_later(may_wait),
        }
    }

    /// As [`enter`](Self::enter), after the fast path has failed.
    #[cold]
    fn enter_later(&self, may_wait: bool) -> Option<(DeliveryGuard<'_, T>, usize)> {
        let mut asserted = 1;
        let data = self.lock().deliver_slow(
            may_wait,
            || {
                // First: the owner that serves this assertion has to find the line masked.
                self.mask_own_line();
                // From here on `pending` counts this call's assertion, because the owner may be the one to serve it.
                asserted = 0;
                // Release: pairs with the Acquire in `take_pending`. The order of the lock's bit `LEFT` would not be
                // enough: the next owner may take the count before that bit is set.
                self.pending.fetch_add(1, Release);
            },
            |wait| self.through_wait(wait),
        )?;
        if asserted == 0 {
            asserted = self.take_pending();
            if asserted == 0 {
                // Another owner has served this assertion already.
                return None;
            }
        }
        Some((data, asserted))
    }

    /// Runs `wait`, in which a delivery waits for the lock, and measures it if the interrupt is timed.
    fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            return timing.through_wait(wait);
        }
        wait();
    }

    /// How many assertions are left to the owner at this moment.
    pub(in crate::interrupt) fn pending(&self) -> usize {
        // Relaxed: a snapshot.
        self.pending.load(Relaxed)
    }

    /// Takes the count of assertions that deliveries without a source have left to the owner. What their callers did
    /// before is visible then. The caller holds the lock.
    pub(super) fn take_pending(&self) -> usize {
        // Acquire: pairs with the Release in `enter`.
        self.pending.swap(0, Acquire)
    }

    /// Delivers. `asserted` counts the assertions of an interrupt without a source. The caller holds the lock, as
    /// `data` proves.
    #[inline]
    pub(super) fn deliver(&self, data: &mut T, asserted: usize) -> Delivery {
        if !self.state.delivers() {
            return self.withhold_or_refuse(data, asserted);
        }
        self.deliver_enabled(data, asserted)
    }

    /// As [`deliver`](Self::deliver), after the caller has seen that the state lets deliveries reach the ISR.
    #[inline(never)]
    fn deliver_enabled(&self, data: &mut T, asserted: usize) -> Delivery {
        // SAFETY: the caller holds the interrupt lock, and `registered` is used under that lock only. It is not in use
        // already: callbacks run with the lock held, and nothing that a callback can call delivers while it is held.
        unsafe {
            self.registered.with(|registered| match self.take_caught(registered, data, asserted) {
                Ok(0) => Delivery::Nothing,
                Ok(asserted) => self.run_isr_here(registered, data, asserted, AfterIsr::Unmask),
                Err(NotServed) => Delivery::NotServed,
            })
        }
    }

    /// A delivery that does not reach the ISR: withholds the assertion if the interrupt is connected (inactive or
    /// asleep), and refuses it otherwise.
    #[cold]
    fn withhold_or_refuse(&self, data: &mut T, asserted: usize) -> Delivery {
        if asserted != 0 {
            self.mask_own_line();
        }
        if self.state.in_service() {
            return self.withhold(data, asserted);
        }
        // SAFETY: as in `deliver_enabled`.
        if unsafe { self.registered.with(|registered| registered.called) } {
            self.counters.stale.add_exclusive(asserted);
        }
        Delivery::NotServed
    }

    /// Serves the deliveries that were left to the owner of the lock. The caller is that owner, as `data` proves.
    pub(in crate::interrupt) fn serve_pending(&self, data: &mut T) {
        let pending = self.take_pending();
        if pending != 0 {
            self.deliver(data, pending);
        }
    }

    /// Delivers what the source has signalled, before a deferred closure runs ([rule
    /// L12](crate::guide::contract#l12)). The caller is the owner of the lock, as `data` proves.
    ///
    /// Without a source nothing is signalled, and this does nothing: an assertion is then a call of `service`, which waits
    /// for its turn or is left to the owner.
    pub(in crate::interrupt) fn serve_signalled(&self, data: &mut T) {
        self.deliver(data, 0);
    }
}
