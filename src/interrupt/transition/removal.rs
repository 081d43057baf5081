//! Removal: the system asks for the device back, or says that it has gone (rule I13).

use core::ops::DerefMut;
use std::time::{Duration, Instant};

use crate::answer::Delivery;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::fault::Fault;
use crate::interrupt::state::{Event, GONE, REMOVAL_LEFT, REMOVAL_REQUESTED, REQUEST_NOTED};
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::source::Removal;
use crate::sync;

/// How long a requested removal waits for the interrupt lock, before it is treated as a surprise removal.
const REQUESTED_REMOVAL_WAIT: Duration = Duration::from_secs(2);

impl<T, W> InterruptObject<T, W> {
    /// Looks at the source for a removal, for a driver's own loop ([rule I13](crate::guide::contract#i13)).
    ///
    /// Call it when the removal descriptor becomes readable, or at each wake-up if the source wakes a waker. A
    /// dispatcher does this by itself.
    ///
    /// - If the device has gone (a surprise removal), this runs the removal callback instead of the disable callback.
    /// - If the system asks for the device back, the interrupt is disabled as usual: by a thread that is started for it
    ///   or, without a dispatcher, by this call. Later operations say so before the work item is flushed. If the
    ///   interrupt lock can't be acquired within 2 seconds, the request is treated as a surprise removal.
    ///
    /// In both cases later operations return [`ErrorKind::Removed`], and the driver has to let the device go. This
    /// waits for the interrupt lock. It stands for the framework's calls of *EvtDeviceSurpriseRemoval* and
    /// *EvtDeviceQueryRemove*.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock, or something that its owner waits for ([rule
    /// L13](crate::guide::contract#l13)).
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// interrupt.service_removal(); // there is no source, so nothing happens
    /// assert!(interrupt.check().is_ok());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias("OnQueryRemove", "EvtDeviceQueryRemove"))]
    #[doc(alias = "EvtDeviceSurpriseRemoval")]
    #[track_caller]
    pub fn service_removal(&self) {
        self.look_for_removal(self.acquire_interrupt_lock());
    }

    /// Serves a source that has woken its waker. A waker does not say why, so this looks for a removal in the same
    /// section.
    pub(crate) fn service_woken(&self) -> Delivery {
        let Some((mut lock, asserted)) = self.enter(sync::DELIVERY_MAY_WAIT) else {
            return Delivery::Pending;
        };
        let delivery = self.deliver(&mut lock, asserted);
        self.look_for_removal(lock);
        delivery
    }

    /// As [`service_removal`](Self::service_removal). Returns `false` if the calling thread can't have the lock.
    #[cfg(unix)]
    pub(crate) fn try_service_removal(&self) -> bool {
        match self.lock().acquire_until(None) {
            Ok(lock) => self.look_for_removal(lock),
            Err(_) => return false,
        }
        true
    }

    /// Ends the dispatcher's wait for this interrupt. A callback has leaked a guard on the dispatcher's own thread, of this
    /// lock or of one that this lock's owner waits for. (The dispatcher holds nothing between two deliveries, so it meets no
    /// other circle.) This lock never becomes free, so the dispatcher would spin.
    pub(crate) fn stop_after_lost_guard(&self) {
        if let Err(error) = self.disarm_dispatcher() {
            self.leave_fault(Fault::Source(error));
        }
    }

    fn look_for_removal(&self, mut lock: impl DerefMut<Target = T>) {
        let data = &mut *lock;
        // SAFETY: this thread holds the lock, and is in no callback: there the caller holds the lock already, and can't
        // acquire it.
        unsafe { self.registered.with(|registered| self.note_removal(registered, data)) };
        drop(lock);
        self.after_section();
    }

    /// Asks the source for a removal. If the device has gone, removes the interrupt. A request is noted. The caller
    /// holds the lock, as `registered` and `data` prove.
    pub(in crate::interrupt) fn note_removal(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let asked = self.with_source(registered, |registered| registered.source.as_mut()?.removal());
        match asked {
            Ok(Some(Removal::Surprise)) => self.surprise_removal(registered, data),
            Ok(Some(Removal::Requested)) if self.state.set(REQUEST_NOTED) => {
                self.state.set(REMOVAL_REQUESTED);
                events::removal_requested(self.name());
            }
            Ok(_) => {}
            // The source has panicked, which has faulted the interrupt.
            Err(error) => self.free(error),
        }
        self.removal_is_noted(registered);
    }

    /// If the system asks for the device back, lets a thread that is started for it do what that needs: the worker may be
    /// in a work item that waits for the device. Without a dispatcher does it here. If the caller is inside another
    /// section of this interrupt, the end of that section does so.
    pub(in crate::interrupt) fn ask_for_removal(&self) {
        let asked = self.state.has(REMOVAL_REQUESTED) && !self.state.has(GONE);
        if !asked || sync::is_in_isr() || self.section_of_this_thread().is_some() {
            return;
        }
        let Some(dispatch) = self.dispatch() else { return self.do_requested_removal() };
        if self.state.take(REMOVAL_REQUESTED) && !self.myself().is_some_and(|me| me.remove_on_a_thread()) {
            // The system refuses a thread.
            self.state.set(REMOVAL_REQUESTED);
            if !dispatch.schedule_anyway(self.name()) {
                self.do_requested_removal();
            }
        }
    }

    /// Disables and removes the interrupt, if the system has asked for the device back.
    pub(crate) fn do_requested_removal(&self) {
        if self.state.take(REMOVAL_REQUESTED) {
            self.remove_as_requested();
        }
    }

    pub(in crate::interrupt) fn remove_as_requested(&self) {
        if self.remove_in_order(Instant::now() + REQUESTED_REMOVAL_WAIT).is_ok() {
            return;
        }
        // Later operations return "removed" from now on. The removal callback runs as soon as the lock is free.
        self.note_gone();
        self.tell_listeners();
        self.leave(REMOVAL_LEFT);
    }

    /// Disables the interrupt, removes it, and then flushes it: the work item may wait for the listener, which learns of the
    /// removal first. Returns an error if the locks can't be had by `deadline`.
    fn remove_in_order(&self, deadline: Instant) -> Result<(), Error> {
        let transition = self.begin_until(Some(deadline))?;
        // In the same transition, so that no enable comes in between.
        let disabled = transition.disable_in_section()?;
        // Ignore an error of the callback: the interrupt is disabled all the same.
        self.free(disabled);
        let lock = transition.lock()?;
        self.note_gone();
        self.state.apply(Event::Remove);
        drop(lock);
        // If the flush would close a circle, the work item runs on: an end flushes it.
        self.free(self.flush_in(&transition));
        Ok(())
    }

    /// Removes an interrupt whose device has gone while the lock was held. The caller is the owner of the lock.
    #[cold]
    pub(in crate::interrupt) fn make_left_removal(&self, data: &mut T) {
        if self.state.take(REMOVAL_LEFT) {
            // SAFETY: the caller holds the lock, and is in no callback: a release calls this.
            unsafe { self.registered.with(|registered| self.surprise_removal(registered, data)) };
        }
    }
}
