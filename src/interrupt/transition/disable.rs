//! Disable (rules E2, I5, W7).

use crate::interrupt::delivery::AfterIsr;
use crate::interrupt::state::{ASLEEP, ENABLED, ENDED, INACTIVE, KEPT_DISABLED, REMOVED};
use crate::interrupt::transition::{InTransition, Transition};
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::{Callback, CallbackError, Error, ErrorKind, SourceError, sync};

impl<T, W> InterruptObject<T, W> {
    /// Stops serving the interrupt and disconnects it: *DisableInterrupt*.
    ///
    /// In order: the disable callback under the lock, the disconnection, what was signalled before it (the ISR runs
    /// once more if there was something), the work item: one that has not begun runs on this thread, one that runs is
    /// waited for, and no other is taken (rules [E2](crate::guide::contract#e2), [W7](crate::guide::contract#w7)). When
    /// it returns, no ISR and no work item of this interrupt is running, and none will until the next enable ([rule
    /// I5](crate::guide::contract#i5)). An interrupt of a [`Device`](crate::Device) stays disabled through its power
    /// cycles until the driver enables it again ([rule E5](crate::guide::contract#e5)).
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DisableCallback`]: the callback failed. The interrupt is disabled all the same.
    /// - [`ErrorKind::Source`]: the disconnection failed. The interrupt is disabled all the same.
    /// - [`ErrorKind::Faulted`]: the disable callback panicked.
    /// - [`ErrorKind::Removed`]: the device is gone.
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enable`](Self::enable), and from the work item. Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, Transition};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.disable()?, Transition::Already);
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.disable()?, Transition::Done);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptDisable")]
    #[doc(alias = "Disable")]
    pub fn disable(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        self.state.set(KEPT_DISABLED);
        self.disable_in(&transition)
    }

    pub(in crate::interrupt) fn disable_in(&self, transition: &InTransition<'_, T, W>) -> Result<Transition, Error> {
        if self.state.has(ENDED | REMOVED) {
            self.check()?;
        }
        if !self.state.has(ENABLED) {
            // A fault takes effect at once. What it found running is waited for here: what it uses may be freed next.
            self.flush_work();
            return Ok(Transition::Already);
        }
        transition.disable().map(|()| Transition::Done)
    }

    fn disable_locked(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        if !self.state.in_service() {
            // A fault or a removal came first, and has done what there was to do.
            return Ok(());
        }
        let called = match sync::catch(|| registered.disable.call(data)) {
            Ok(answer) => answer.map_err(|source| self.disable_failed(source)),
            Err(message) => return Err(self.panicked(registered, Callback::Disable, message)),
        };
        // Its disable callback has run: whoever finds out from here on that the device is gone calls no other for it.
        self.state.take(ENABLED);
        events::disabled(self.name());
        let disconnected =
            self.with_source(registered, |registered| self.disconnect_and_flush(registered, data)).flatten();
        self.forget_withheld();
        self.work.take_kept();
        if self.state.has(REMOVED) {
            return Err(self.removed());
        }
        called.and(disconnected)
    }

    /// Where there is no source, a delivery that was told "pending" is what was signalled before the disconnection.
    fn serve_last_pending(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let pending = self.take_pending();
        if pending != 0 {
            self.serve_last(registered, data, pending as u64);
        }
    }

    /// What was signalled before the disconnection is delivered, unless the interrupt is inactive.
    fn serve_last(&self, registered: &mut Registered<T, W>, data: &mut T, signalled: u64) {
        if self.state.has(INACTIVE | ASLEEP) {
            self.add_withheld(signalled);
        } else {
            self.run_isr(registered, data, signalled, AfterIsr::LeaveMasked);
        }
    }

    fn disable_failed(&self, error: CallbackError) -> Error {
        self.error(ErrorKind::DisableCallback(error))
    }

    fn disconnect_and_flush(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        let disconnected = match &mut registered.source {
            Some(source) => source.disconnect(),
            None => {
                self.serve_last_pending(registered, data);
                return Ok(());
            }
        };
        // What was signalled before the disconnection is delivered, not dropped.
        if let Ok(signalled @ 1..) = self.take(registered, data) {
            self.serve_last(registered, data, signalled);
        }
        self.disarm();
        disconnected.map_err(|error| {
            if error == SourceError::Removed {
                self.surprise_removal(registered, data);
            }
            self.source_error(error)
        })
    }
}

impl<T, W> InTransition<'_, T, W> {
    /// The whole disable of an enabled interrupt. The first error is the answer; none stops it.
    pub(in crate::interrupt) fn disable(&self) -> Result<(), Error> {
        let object = self.object;
        let mut lock = self.lock();
        let data = &mut *lock;
        // SAFETY: with the lock held, and from no callback of this interrupt: `begin` refuses those.
        let answer = unsafe { object.registered.with(|registered| object.disable_locked(registered, data)) };
        drop(lock);
        // Now: a work item that is waited for below may itself wait for the listener.
        object.tell_listener();
        object.work.close();
        object.flush_work();
        answer
    }
}
