//! Inactive and active (rule E8): delivery stops and resumes, without a disconnection and without callbacks.
//!
//! A delivery to an inactive interrupt takes what the source has signalled, and counts it as withheld. To leave it with
//! the source instead would lose it (a dispatcher is woken once for a descriptor that has become readable), would let a
//! driver's own loop spin on a descriptor that stays readable, and would hide a removal. A level line masks itself as
//! it signals, and is unmasked after its ISR only. So it stays masked while it is withheld. A line that is shared goes on
//! to signal to its other members: the source is told that this one has not claimed.

use crate::answer::Delivery;
use crate::answer::Transition;
use crate::claim::Claim;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::interrupt::delivery::{AfterIsr, NotServed};
use crate::interrupt::state::{GONE, INACTIVE, Phase, WAKES};
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;

impl<T, W> InterruptObject<T, W> {
    /// Stops delivery without a disconnection and without the disable callback ([rule E8](crate::guide::contract#e8)),
    /// for a device, or a part of one, that idles.
    ///
    /// When it returns, no ISR is running, and none begins until [`report_active`](Self::report_active). What is
    /// asserted meanwhile is withheld: edges are counted, a level line stays masked. One ISR run gets it all when the
    /// interrupt is active again; [`IsrContext::assertions`](crate::IsrContext::assertions) says how many there were.
    /// If the interrupt is disabled first, they count as stale.
    ///
    /// A [shared line](crate::guide::contract#i7) goes on to signal to its other interrupts. Silence the device first:
    /// what it asserts is a storm for them.
    ///
    /// The work item goes on as before, but the unmask callback waits until the interrupt is active. An inactive interrupt stays inactive when it is disabled and enabled again.
    ///
    /// It waits for the interrupt lock, and for another transition. It stands for *WdfInterruptReportInactive*.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enable`](Self::enable). Nothing has been done.
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt};
    ///
    /// struct Encoder {
    ///     steps: u64,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Encoder { steps: 0 })
    ///     .isr(|encoder| {
    ///         encoder.steps += encoder.assertions();
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// interrupt.enable()?;
    ///
    /// interrupt.report_inactive()?;
    /// assert_eq!(interrupt.service(), Delivery::Withheld);
    /// assert_eq!(interrupt.service(), Delivery::Withheld);
    /// assert_eq!(interrupt.acquire_interrupt_lock().steps, 0);
    ///
    /// interrupt.report_active()?; // runs the ISR once, for both
    /// assert_eq!(interrupt.acquire_interrupt_lock().steps, 2);
    /// assert_eq!(interrupt.stats().coalesced, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptReportInactive")]
    #[doc(alias = "ReportInactiveOnPowerDown")]
    pub fn report_inactive(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        let mut lock = transition.lock()?;
        self.is_still_there()?;
        if self.state.has(INACTIVE) {
            return Ok(Transition::Already);
        }
        // With the lock held: an ISR that was running has ended.
        self.state.set(INACTIVE);
        let then_quiet = |registered: &mut Registered<T, W>| {
            if self.counters.withheld.get() != 0 {
                // It sleeps, and has not answered yet.
                self.answer_withheld(registered);
            }
            self.pause_own_loop(registered);
        };
        // SAFETY: this thread holds the lock, and is in no callback of this interrupt: there `begin` refuses.
        unsafe { self.registered.with(then_quiet) };
        // It may have waited for the answer.
        self.make_left_unmask(&mut lock);
        drop(lock);
        events::inactive(self.name());
        Ok(Transition::Done)
    }

    /// Resumes delivery after [`report_inactive`](Self::report_inactive) ([rule E8](crate::guide::contract#e8)).
    ///
    /// If anything was asserted meanwhile, the ISR runs for it, on the calling thread, before this returns. It waits
    /// for the interrupt lock, and for another transition. It stands for *WdfInterruptReportActive*.
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
        let mut lock = transition.lock()?;
        self.is_still_there()?;
        if !self.state.take(INACTIVE) {
            return Ok(Transition::Already);
        }
        events::active(self.name());
        self.wake_for_withheld();
        self.deliver_withheld(&mut lock);
        self.make_up_for_unmask();
        // SAFETY: as in `report_inactive`.
        unsafe { self.registered.with(|registered| self.pause_own_loop(registered)) };
        Ok(Transition::Done)
    }

    /// Returns an error if the device or the interrupt has gone.
    pub(super) fn is_still_there(&self) -> Result<(), Error> {
        match self.state.phase() {
            Phase::Ended | Phase::Removed => Err(self.refusal()),
            _ if self.state.has(GONE) => Err(self.refusal()),
            _ => Ok(()),
        }
    }

    /// Delivers what was withheld, together with what the source has signalled since. The caller holds the lock, as
    /// `data` proves.
    pub(in crate::interrupt) fn deliver_withheld(&self, data: &mut T) {
        if !self.state.delivers() {
            return;
        }
        // SAFETY: the caller holds the lock, and is in no callback of this interrupt: there `begin` refuses.
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

    /// Takes what was signalled to an inactive or sleeping interrupt, and withholds it. The caller holds the lock, as
    /// `data` proves.
    pub(in crate::interrupt) fn withhold(&self, data: &mut T, asserted: usize) -> Delivery {
        let withhold = |registered: &mut Registered<T, W>| match self.take_caught(registered, data, asserted) {
            Ok(0) => Delivery::Nothing,
            Ok(asserted) => {
                self.add_withheld(asserted);
                if self.state.has(INACTIVE) {
                    self.answer_withheld(registered);
                }
                Delivery::Withheld
            }
            Err(NotServed) => Delivery::NotServed,
        };
        // SAFETY: as in `deliver_enabled`.
        unsafe { self.registered.with(withhold) }
    }

    /// Tells the source that an inactive interrupt has not claimed what is withheld: on a shared line the other members go
    /// on. What this one claims later is no matter of that signal. (A sleeping one has not answered: its device is brought
    /// up, and then its ISR runs.)
    fn answer_withheld(&self, registered: &mut Registered<T, W>) {
        // A panic of the source has faulted the interrupt.
        let _ = self.tell_source(registered, Claim::Unclaimed);
    }

    /// Counts assertions as withheld. The caller holds the lock.
    pub(in crate::interrupt) fn add_withheld(&self, asserted: u64) {
        self.counters.withheld.add_exclusive(usize::try_from(asserted).unwrap_or(usize::MAX));
        self.wake_for_withheld();
    }

    /// Whether the interrupt sleeps and has not answered what is withheld: its device is brought up for that. The caller
    /// holds the lock.
    pub(in crate::interrupt) fn owes_an_answer(&self) -> bool {
        self.state.phase() == Phase::Asleep && !self.state.has(INACTIVE) && self.counters.withheld.get() != 0
    }

    /// If an assertion is withheld that wakes the device, lets the end of this section ask for power. The caller holds
    /// the lock.
    fn wake_for_withheld(&self) {
        if self.owes_an_answer() {
            self.state.set(WAKES);
            self.lock().raw().leave_to_owner();
        }
    }

    /// Counts what was withheld as stale, because the interrupt goes out of service. The caller holds the lock.
    pub(in crate::interrupt) fn forget_withheld(&self) {
        self.counters.stale.add_exclusive(self.counters.withheld.take_exclusive());
        self.state.take(WAKES);
    }
}
