//! Faults (rule I12), and what they share with a removal (rule I13).

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::fault::{Callback, Fault};
use crate::interrupt::state::{ENABLED, FAULTED, REMOVED};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Returns the fault that has taken the interrupt out of service, or `None` if there is none.
    ///
    /// If a callback is overdue, returns [`Fault::Overdue`], although the interrupt is still in service. Never waits
    /// for the interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::{Callback, Claim, Fault, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| panic!("no such register")).build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// let Some(Fault::Panicked { callback, message }) = interrupt.fault() else { panic!() };
    /// assert_eq!((callback, message.as_str()), (Callback::Isr, "no such register"));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn fault(&self) -> Option<Fault> {
        self.notes.lock().fault.clone()
    }

    /// Clears a fault, after the driver has dealt with its cause. Returns the fault, or `None` if there was none.
    ///
    /// A faulted interrupt is disabled then, and may be enabled again. It waits for the interrupt lock, and so for a
    /// callback that is overdue, and for another transition.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldDeadlock`], as for [`enable`](Self::enable). Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, State};
    ///
    /// let mut runs = 0;
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| {
    ///         runs += 1;
    ///         assert!(runs > 1, "the first run fails");
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert_eq!(interrupt.state(), State::Faulted);
    ///
    /// assert!(interrupt.clear_fault()?.is_some());
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert_eq!(interrupt.stats().claimed, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn clear_fault(&self) -> Result<Option<Fault>, Error> {
        let transition = self.begin()?;
        Ok(self.clear_fault_in(&transition))
    }

    pub(in crate::interrupt) fn clear_fault_in(&self, transition: &InTransition<'_, T, W>) -> Option<Fault> {
        let lock = transition.lock();
        let fault = self.notes.lock().fault.take();
        self.state.take(FAULTED);
        drop(lock);
        if let Some(fault) = &fault {
            events::fault_cleared(self.name(), fault);
        }
        fault
    }

    /// Faults the interrupt: takes it out of service. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn set_faulted(&self, registered: &mut Registered<T, W>, fault: Fault) {
        events::faulted(self.name(), &fault);
        {
            let mut notes = self.notes.lock();
            // Keep the first fault: it is the cause, and later ones (such as a disconnection that fails too) follow
            // from it. But replace a late callback, which has not taken the interrupt out of service.
            #[cfg(feature = "std")]
            notes.fault.take_if(|fault| matches!(fault, Fault::Overdue { .. }));
            notes.fault.get_or_insert(fault);
        }
        self.counters.faults.add_exclusive(1);
        self.state.set(FAULTED);
        self.out_of_service(registered);
    }

    /// Removes the interrupt, because its device has gone: runs the removal callback instead of the disable callback.
    /// The caller holds the lock, as `registered` and `data` prove.
    pub(in crate::interrupt) fn surprise_removal(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let was_enabled = self.state.has(ENABLED);
        self.set_removed();
        self.out_of_service(registered);
        if was_enabled {
            let removal = sync::catch(|| registered.removal.call(data));
            if let Err(message) = removal {
                let callback = Callback::Removal;
                self.set_faulted(registered, Fault::Panicked { callback, message });
            }
        }
    }

    pub(in crate::interrupt) fn set_removed(&self) {
        if self.state.set(REMOVED) {
            events::removed(self.name());
        }
    }

    /// Stops delivery, and disconnects. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn out_of_service(&self, registered: &mut Registered<T, W>) {
        self.state.take(ENABLED);
        self.work.take_kept();
        self.work.close();
        self.disconnect(registered);
        self.forget_withheld();
    }

    fn disconnect(&self, registered: &mut Registered<T, W>) {
        if let Some(source) = &mut registered.source {
            // Ignore an error: the interrupt is out of service, and the cause is on record.
            let _ = sync::catch(|| source.disconnect());
        }
        self.disarm();
    }
}

#[cfg(feature = "std")]
impl<T: Send, W: Send> crate::observe::watchdog::Overdue for InterruptObject<T, W> {
    fn overdue(&self, callback: Callback, limit: core::time::Duration) {
        self.notes.lock().fault.get_or_insert(Fault::Overdue { callback, limit });
        // Only the watchdog's thread calls this, so no other thread adds to the counter.
        self.counters.overdue.add_exclusive(1);
    }
}
