//! Faults (rule I12), and what they share with a removal (rule I13).

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::fault::{Callback, Fault};
use crate::interrupt::state::{Event, FAULT_LEFT, GONE, Phase, REMOVAL_LEFT, UNMASK_LEFT};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Returns the fault that has taken the interrupt out of service, or `None` if there is none.
    ///
    /// A callback that is [overdue](Self::overdue) is no fault. Never waits for the interrupt lock.
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
        #[cfg(feature = "alloc")]
        return self.with_notes(|notes| notes.fault().cloned());
        #[cfg(not(feature = "alloc"))]
        None
    }

    /// Clears a fault, after the driver has dealt with its cause. Returns the fault, or `None` if there was none.
    ///
    /// A faulted interrupt is disabled then, and may be enabled again. A removed one stays removed. It waits for the
    /// interrupt lock, and so for a callback that is overdue, and for another transition.
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
        self.clear_fault_in(&transition)
    }

    pub(in crate::interrupt) fn clear_fault_in(
        &self,
        transition: &InTransition<'_, T, W>,
    ) -> Result<Option<Fault>, Error> {
        let lock = transition.lock()?;
        #[cfg(feature = "alloc")]
        let fault = self.notes.lock().fault_mut().take();
        #[cfg(not(feature = "alloc"))]
        let fault: Option<Fault> = None;
        self.state.apply(Event::ClearFault);
        drop(lock);
        if let Some(fault) = &fault {
            events::fault_cleared(self.name(), fault);
        }
        Ok(fault)
    }

    /// Faults the interrupt: takes it out of service. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn set_faulted(&self, registered: &mut Registered<T, W>, fault: Fault) {
        self.note_fault(fault);
        if self.state.apply(Event::Fault).is_some_and(Phase::is_connected) {
            self.out_of_service(registered);
        }
    }

    fn note_fault(&self, fault: Fault) {
        events::faulted(self.name(), &fault);
        #[cfg(feature = "alloc")]
        let mut notes = self.notes.lock();
        // Keep the first fault: it is the cause, and later ones (such as a disconnection that fails too) follow from it.
        #[cfg(feature = "alloc")]
        notes.fault_mut().get_or_insert(fault);
        // The lock of the notes makes this thread the only writer.
        self.counters.faults.add_exclusive(1);
    }

    /// Faults the interrupt for what has gone wrong without the lock. Never waits: if a thread holds the lock, its release
    /// makes the fault. After the end no release does, so the fault is only noted.
    #[cold]
    #[track_caller]
    pub(in crate::interrupt) fn leave_fault(&self, fault: Fault) {
        // Without an operating system nothing unwinds, so nothing is ever left.
        #[cfg(feature = "std")]
        if self.state.phase() != Phase::Ended {
            self.notes.lock().rare().left_faults.push(fault);
            return self.leave(FAULT_LEFT);
        }
        self.note_fault(fault);
    }

    /// Sets the bits `request` for the owner of the lock. If the lock is free, acquires and releases it, which does what
    /// they ask for.
    #[cold]
    #[track_caller]
    pub(in crate::interrupt) fn leave(&self, request: usize) {
        self.state.set(request);
        drop(self.lock().leave_or_acquire());
    }

    /// Does what was left to the owner of the lock beside deliveries and closures. The caller is that owner, as `data`
    /// proves.
    pub(in crate::interrupt) fn do_left(&self, data: &mut T) {
        if self.state.has(FAULT_LEFT | UNMASK_LEFT | REMOVAL_LEFT) {
            #[cfg(feature = "std")]
            self.make_left_faults();
            self.make_left_unmask(data);
            #[cfg(feature = "std")]
            self.make_left_removal(data);
        }
    }

    /// Makes the faults that were left to the owner of the lock. The caller is that owner.
    #[cfg(feature = "std")]
    #[cold]
    fn make_left_faults(&self) {
        if !self.state.take(FAULT_LEFT) {
            return;
        }
        let faults = core::mem::take(&mut self.notes.lock().rare().left_faults);
        for fault in faults {
            // SAFETY: the caller holds the lock, and is in no callback: a release calls this.
            unsafe { self.registered.with(|registered| self.set_faulted(registered, fault)) };
        }
    }

    /// Removes the interrupt, because its device has gone: runs the removal callback instead of the disable callback.
    /// The caller holds the lock, as `registered` and `data` prove.
    pub(in crate::interrupt) fn surprise_removal(&self, registered: &mut Registered<T, W>, data: &mut T) {
        self.note_gone();
        self.removal_is_noted(registered);
        let Some(phase) = self.state.apply(Event::Remove) else { return };
        if phase.is_connected() {
            self.out_of_service(registered);
        }
        if phase.is_in_service() {
            match sync::catch(|| registered.removal.call(data)) {
                Ok(answer) => self.free(answer),
                Err(message) => {
                    let callback = Callback::Removal;
                    self.set_faulted(registered, Fault::Panicked { callback, message });
                }
            }
        }
    }

    /// From now on every operation says that the device has gone. The phase follows under the lock.
    pub(in crate::interrupt) fn note_gone(&self) {
        if self.state.set(GONE) {
            events::removed(self.name());
        }
    }

    /// Disconnects, after the phase has been left that was connected. The caller holds the lock, as `registered` proves.
    pub(in crate::interrupt) fn out_of_service(&self, registered: &mut Registered<T, W>) {
        self.forget_kept();
        self.work.close();
        self.disconnect(registered);
        self.forget_withheld();
    }

    fn disconnect(&self, registered: &mut Registered<T, W>) {
        if let Some(source) = registered.source.as_mut().filter(|_| !self.state.is_inherited()) {
            // Ignore an error: the interrupt is out of service, and the cause is on record.
            let _ = sync::catch(|| source.disconnect());
        }
        // As above.
        let _ = self.disarm(registered);
    }
}
