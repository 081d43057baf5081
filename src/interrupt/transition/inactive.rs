//! Inactive and active (rule E8): delivery stops and resumes, with nothing disconnected and no callback run.
//!
//! Whoever serves an inactive interrupt takes what its source has signalled and keeps count of it. To leave it with the
//! source instead would lose it (a dispatcher is told once of what became readable), have a driver's own loop spin on a
//! descriptor that stays readable, and hide a removal. A level line masks itself as it signals and is not opened before
//! its ISR has answered, so it stays masked until then.

#[cfg(doc)]
use crate::ErrorKind;
use crate::interrupt::delivery::{AfterIsr, NotServed};
use crate::interrupt::state::{ASLEEP, ENDED, INACTIVE, REMOVED, WAKES};
use crate::interrupt::{InterruptObject, Transition};
use crate::observe::events;
use crate::{Delivery, Error};

impl<T, W> InterruptObject<T, W> {
    /// Stops delivery without disconnecting, and without the disable callback ([rule E8](crate::guide::contract#e8)):
    /// for a device, or a part of it, that sleeps. When it returns no ISR is running, and none will until
    /// [`report_active`](Self::report_active).
    ///
    /// What is asserted meanwhile is kept: edges are counted, a level line stays masked. It all goes to one ISR run
    /// when the interrupt is active again ([`IsrContext::assertions`](crate::IsrContext::assertions) says how much it
    /// is), and is counted as stale if the interrupt is disabled first. The work item goes on as before. An interrupt
    /// that is inactive stays so when it is disabled and enabled again.
    ///
    /// It waits for the interrupt lock, and for a transition that is going on.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enable`](Self::enable). Nothing has been done.
    /// - [`ErrorKind::Removed`], [`ErrorKind::Ended`]: there is nothing left to be served.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += count.assertions(); Claim::Claimed })
    ///     .build()?;
    /// interrupt.enable()?;
    ///
    /// interrupt.report_inactive()?;
    /// assert_eq!(interrupt.service(), Delivery::Withheld);
    /// assert_eq!(interrupt.service(), Delivery::Withheld);
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 0);
    ///
    /// interrupt.report_active()?;
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    /// assert_eq!(interrupt.stats().coalesced, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptReportInactive")]
    #[doc(alias = "ReportInactiveOnPowerDown")]
    pub fn report_inactive(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        let lock = transition.lock();
        self.is_still_there()?;
        if self.state.has(INACTIVE) {
            return Ok(Transition::Already);
        }
        // With the lock held: an ISR that was running has ended.
        self.state.set(INACTIVE);
        drop(lock);
        events::inactive(self.name());
        Ok(Transition::Done)
    }

    /// Resumes delivery ([rule E8](crate::guide::contract#e8)). If anything was asserted meanwhile, the ISR runs for
    /// it, on this thread, before this returns.
    ///
    /// # Errors
    ///
    /// As for [`report_inactive`](Self::report_inactive).
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, State, Transition};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.report_active()?, Transition::Already);
    /// interrupt.report_inactive()?;
    /// assert_eq!(interrupt.state(), State::Inactive);
    /// assert_eq!(interrupt.report_active()?, Transition::Done);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptReportActive")]
    pub fn report_active(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        let mut lock = transition.lock();
        self.is_still_there()?;
        if !self.state.take(INACTIVE) {
            return Ok(Transition::Already);
        }
        events::active(self.name());
        self.wake_for_withheld();
        self.deliver_withheld(&mut lock);
        Ok(Transition::Done)
    }

    fn is_still_there(&self) -> Result<(), Error> {
        if self.state.has(ENDED | REMOVED) { self.check() } else { Ok(()) }
    }

    /// Delivers what was kept, and what has not been taken yet. The caller holds the lock, of which `data` is the
    /// proof.
    pub(in crate::interrupt) fn deliver_withheld(&self, data: &mut T) {
        if !self.state.delivers() {
            return;
        }
        // SAFETY: with the lock held, and from no callback of this interrupt: `begin` refuses those.
        unsafe {
            self.registered.with(|registered| {
                if let Ok(signalled) = self.take_caught(registered, data, 0) {
                    let withheld = self.counters.withheld.take_exclusive() as u64;
                    if let all @ 1.. = signalled.saturating_add(withheld) {
                        self.run_isr(registered, data, all, AfterIsr::Unmask);
                    }
                }
            });
        }
    }

    /// Takes what an inactive interrupt has signalled. The caller holds the lock, of which `data` is the proof.
    pub(in crate::interrupt) fn withhold(&self, data: &mut T, asserted: usize) -> Delivery {
        // SAFETY: as in `deliver`.
        match unsafe { self.registered.with(|registered| self.take_caught(registered, data, asserted)) } {
            Ok(0) => Delivery::Nothing,
            Ok(asserted) => {
                self.add_withheld(asserted);
                Delivery::Withheld
            }
            Err(NotServed) => Delivery::NotServed,
        }
    }

    /// The caller holds the lock.
    pub(in crate::interrupt) fn add_withheld(&self, asserted: u64) {
        self.counters.withheld.add_exclusive(usize::try_from(asserted).unwrap_or(usize::MAX));
        self.wake_for_withheld();
    }

    /// Has the end of this section ask for power, where something was kept that wakes the device. The caller holds the
    /// lock.
    fn wake_for_withheld(&self) {
        if self.state.has(ASLEEP) && !self.state.has(INACTIVE) && self.counters.withheld.get() != 0 {
            self.state.set(WAKES);
            self.lock().raw().leave_to_owner();
        }
    }

    /// The interrupt goes out of service: nobody will be told of what was kept. The caller holds the lock.
    pub(in crate::interrupt) fn forget_withheld(&self) {
        self.counters.stale.add_exclusive(self.counters.withheld.take_exclusive());
        self.state.take(ASLEEP | WAKES);
    }
}
