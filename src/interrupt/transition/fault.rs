//! Quarantine (rule I12) and removal (rule I13).

use crate::interrupt::state::{ENABLED, FAULTED, REMOVED};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{Inside, InterruptObject};
use crate::observe::events;
use crate::sync;
use crate::{Callback, Error, Fault};

impl<T, W> InterruptObject<T, W> {
    /// Why the interrupt is quarantined, if it is, or that a callback [is overdue](Fault::Overdue). Never waits for the
    /// interrupt lock.
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

    /// Ends a quarantine. The interrupt is disabled then, and may be enabled again. The answer is the fault, if there
    /// was one. It waits for the interrupt lock, and so for a callback that is overdue.
    ///
    /// # Errors
    ///
    /// [`Error::WouldDeadlock`] where [`enable`](Self::enable) would answer that.
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
    ///         assert!(runs > 1, "the first run goes wrong");
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

    /// Quarantines the interrupt. The caller holds the lock, of which `inside` is the proof.
    pub(in crate::interrupt) fn quarantine(&self, inside: &mut Inside<T, W>, fault: Fault) {
        events::faulted(self.name(), &fault);
        {
            let mut notes = self.notes.lock();
            // The first fault is the cause; what follows from it (a disconnect that fails too) is not. A callback that
            // was late has not put it here.
            #[cfg(feature = "std")]
            notes.fault.take_if(|fault| matches!(fault, Fault::Overdue { .. }));
            notes.fault.get_or_insert(fault);
        }
        self.counters.faults.add_exclusive(1);
        self.state.set(FAULTED);
        self.out_of_service(inside);
    }

    /// The device is gone: the removal callback, instead of the disable callback. The caller holds the lock, of which
    /// `inside` and `data` are the proof.
    pub(in crate::interrupt) fn surprise(&self, inside: &mut Inside<T, W>, data: &mut T) {
        let was_enabled = self.state.has(ENABLED);
        self.set_removed();
        self.out_of_service(inside);
        if was_enabled {
            let removal = sync::catch(|| inside.removal.call(data));
            if let Err(message) = removal {
                let callback = Callback::Removal;
                self.quarantine(inside, Fault::Panicked { callback, message });
            }
        }
    }

    pub(in crate::interrupt) fn set_removed(&self) {
        if self.state.set(REMOVED) {
            events::removed(self.name());
        }
    }

    /// Stops delivery. The caller holds the lock, of which `inside` is the proof.
    pub(in crate::interrupt) fn out_of_service(&self, inside: &mut Inside<T, W>) {
        self.state.take(ENABLED);
        self.work.take_kept();
        self.work.close();
        self.disconnect(inside);
        self.forget_withheld();
    }

    #[cfg(feature = "alloc")]
    fn disconnect(&self, inside: &mut Inside<T, W>) {
        if let Some(source) = &mut inside.source {
            // What it answers changes nothing: it is out of service, with the cause of that on record.
            let _ = sync::catch(|| source.disconnect());
        }
        self.disarm();
    }

    #[cfg(not(feature = "alloc"))]
    fn disconnect(&self, _: &mut Inside<T, W>) {}
}

#[cfg(feature = "std")]
impl<T: Send, W: Send> crate::observe::watchdog::Overdue for InterruptObject<T, W> {
    fn overdue(&self, callback: Callback, limit: core::time::Duration) {
        self.notes.lock().fault.get_or_insert(Fault::Overdue { callback, limit });
        // Only the thread that looks after the callbacks comes here.
        self.counters.overdue.add_exclusive(1);
    }
}

/// The system asks for the device back, or says that it has gone.
#[cfg(feature = "std")]
mod removal {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Delivery;
    use crate::interrupt::state::REMOVAL_REQUESTED;
    use crate::lock::InterruptLockGuard;
    use crate::source::Removal;

    /// How long an orderly removal waits for the interrupt lock before it is treated as a surprise.
    const ORDERLY: Duration = Duration::from_secs(2);

    impl<T, W> InterruptObject<T, W> {
        /// Serves the source's removal descriptor: what a dispatcher does, or a driver's own loop, when it becomes
        /// readable (rule I13). For a source that wakes a waker it does so at each wake-up.
        ///
        /// A surprise runs the removal callback instead of the disable callback. A request disables as usual; if the
        /// interrupt lock can't be had within 2 seconds it is treated as a surprise. Either way every later call says
        /// [`Error::Removed`], and the driver has to let the device go. Without a dispatcher the disabling is done
        /// by this call; with one, by its worker.
        ///
        /// # Panics
        ///
        /// If the calling thread holds the interrupt lock.
        ///
        /// # Examples
        ///
        /// ```
        /// # use interrupt_lock::{Claim, Interrupt};
        /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
        /// interrupt.service_removal(); // no source that could be removed: nothing happens
        /// assert!(interrupt.check().is_ok());
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[doc(alias = "EvtDeviceQueryRemove")]
        #[doc(alias = "EvtDeviceSurpriseRemoval")]
        #[track_caller]
        pub fn service_removal(&self) {
            self.look_for_removal(self.acquire_interrupt_lock());
        }

        /// Serves a source that woke its waker. That says nothing of why, so in the same section its removal is asked for.
        pub(crate) fn service_woken(&self) -> Delivery {
            let Some((mut lock, asserted)) = self.enter(sync::DELIVERY_MAY_WAIT) else {
                return Delivery::Pending;
            };
            let delivery = self.deliver(&mut lock, asserted);
            self.look_for_removal(lock);
            delivery
        }

        /// `false` where the calling thread holds the lock.
        pub(crate) fn try_service_removal(&self) -> bool {
            match self.lock().acquire_until(None) {
                Ok(lock) => self.look_for_removal(lock),
                Err(_) => return false,
            }
            true
        }

        /// The dispatcher's own thread holds the lock, outside of any section: a callback has lost a guard there, and
        /// the interrupt can't be served any more. To wait on its source would only be to spin.
        pub(crate) fn lost_guard(&self) {
            if let Some(dispatch) = &self.dispatch {
                dispatch.disarm();
            }
        }

        fn look_for_removal(&self, mut lock: InterruptLockGuard<'_, T>) {
            let data = &mut *lock;
            // SAFETY: with the lock held, and from no callback: those hold the lock, so the caller could not take it.
            let removal = unsafe {
                self.inside.with(|inside| {
                    let asked = self.with_source(inside, |inside| inside.source.as_mut()?.removal());
                    let removal = asked.unwrap_or_default();
                    if removal == Some(Removal::Surprise) {
                        self.surprise(inside, data);
                    }
                    removal
                })
            };
            drop(lock);
            self.tell_listener();
            if removal == Some(Removal::Requested) {
                if self.state.set(REMOVAL_REQUESTED) {
                    events::removal_requested(self.name());
                }
                let scheduled = self.dispatch.as_ref().map(|dispatch| dispatch.schedule_anyway(self.name()));
                if scheduled != Some(true) {
                    self.let_go();
                }
            }
        }

        /// Does what a request to remove the device asks for, if there is one.
        pub(crate) fn let_go(&self) {
            if !self.state.take(REMOVAL_REQUESTED) {
                return;
            }
            let deadline = Instant::now() + ORDERLY;
            if self.try_acquire_interrupt_lock_until(deadline).is_ok()
                && let Ok(transition) = self.begin()
            {
                if self.state.has(ENABLED) {
                    // A callback that fails leaves it disabled all the same.
                    let _ = transition.disable();
                }
                // With the control lock held: no enable comes in between.
                self.set_removed();
                return;
            }
            // Whoever asks from now on is told; the removal callback runs as soon as the lock is free.
            self.set_removed();
            self.tell_listener();
            let mut lock = self.acquire_interrupt_lock();
            let data = &mut *lock;
            // SAFETY: as in `service_removal`.
            unsafe { self.inside.with(|inside| self.surprise(inside, data)) };
        }
    }
}
