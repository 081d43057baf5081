//! The system asks for the device back, or says that it has gone (rule I13).

use std::time::{Duration, Instant};

#[cfg(doc)]
use crate::ErrorKind;
use crate::interrupt::state::{ENABLED, REMOVAL_REQUESTED};
use crate::interrupt::{Delivery, InterruptObject};
use crate::lock::InterruptLockGuard;
use crate::observe::events;
use crate::source::Removal;
use crate::sync;

/// How long an orderly removal waits for the interrupt lock before it is treated as a surprise.
const REQUESTED_REMOVAL_WAIT: Duration = Duration::from_secs(2);

impl<T, W> InterruptObject<T, W> {
    /// Serves the source's removal descriptor: what a dispatcher does, or a driver's own loop, when it becomes
    /// readable ([rule I13](crate::guide::contract#i13)). For a source that wakes a waker it does so at each wake-up.
    ///
    /// A surprise runs the removal callback instead of the disable callback. A request disables as usual; if the
    /// interrupt lock can't be had within 2 seconds it is treated as a surprise. Either way every later call says
    /// [`ErrorKind::Removed`], and the driver has to let the device go. Without a dispatcher the disabling is done
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
    pub(crate) fn stop_after_lost_guard(&self) {
        if let Some(dispatch) = &self.dispatch {
            dispatch.disarm();
        }
    }

    fn look_for_removal(&self, mut lock: InterruptLockGuard<'_, T>) {
        let data = &mut *lock;
        // SAFETY: with the lock held, and from no callback: those hold the lock, so the caller could not take it.
        let removal = unsafe {
            self.registered.with(|registered| {
                let asked = self.with_source(registered, |registered| registered.source.as_mut()?.removal());
                let removal = asked.unwrap_or_default();
                if removal == Some(Removal::Surprise) {
                    self.surprise_removal(registered, data);
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
                self.do_requested_removal();
            }
        }
    }

    /// Does what a request to remove the device asks for, if there is one.
    pub(crate) fn do_requested_removal(&self) {
        if !self.state.take(REMOVAL_REQUESTED) {
            return;
        }
        let deadline = Instant::now() + REQUESTED_REMOVAL_WAIT;
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
        unsafe { self.registered.with(|registered| self.surprise_removal(registered, data)) };
    }
}
