//! Disable (rules E2, I5, W7).

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::fault::Callback;
use crate::interrupt::delivery::AfterIsr;
use crate::interrupt::state::{ASLEEP, ENABLED, ENDED, INACTIVE, KEPT_DISABLED, REMOVED};
use crate::interrupt::transition::{InTransition, Transition};
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Disconnects the interrupt, so that neither its ISR nor its work item runs.
    ///
    /// In this order (rules [E2](crate::guide::contract#e2), [W7](crate::guide::contract#w7)), it:
    ///
    /// 1. runs the disable callback, with the lock held;
    /// 2. disconnects the source;
    /// 3. runs the ISR once more, if an assertion was signalled before;
    /// 4. flushes the work item: runs it on this thread if it is queued, and waits for it if it runs elsewhere.
    ///
    /// When it returns, no ISR and no work item of this interrupt is running, and none begins until the next enable
    /// ([rule I5](crate::guide::contract#i5)). It waits for the interrupt lock, for another transition, and for the
    /// work item. If the interrupt is disabled or faulted already, it returns [`Transition::Already`] and runs no
    /// callback.
    ///
    /// An interrupt that the driver has disabled stays so through the power cycles of its [`Device`](crate::Device),
    /// until the driver enables it again ([rule E5](crate::guide::contract#e5)).
    ///
    /// It stands for *WdfInterruptDisable* and *Disable*.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DisableCallback`]: the callback failed. The interrupt is disabled all the same.
    /// - [`ErrorKind::Source`]: the disconnection failed. The interrupt is disabled all the same.
    /// - [`ErrorKind::Faulted`]: the disable callback or the source panicked. The interrupt is out of service.
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    /// - [`ErrorKind::WouldDeadlock`]: the call would wait for itself, as for [`enable`](Self::enable). Nothing has
    ///   been done.
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
            // A fault takes effect at once, and does not wait for a work item that runs. Wait for it here, because the
            // caller may free next what the work item uses.
            self.flush_work();
            return Ok(Transition::Already);
        }
        transition.disable().map(|()| Transition::Done)
    }

    fn disable_locked(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        if !self.state.in_service() {
            // A fault or a removal came first, and has disconnected the interrupt.
            return Ok(());
        }
        let called = match sync::catch(|| registered.disable.call(data)) {
            Ok(answer) => answer.map_err(|error| self.error(ErrorKind::DisableCallback(error))),
            Err(message) => return Err(self.panicked(registered, Callback::Disable, message)),
        };
        // The disable callback has run. If the device turns out to have gone after this, no removal callback runs.
        self.state.take(ENABLED);
        events::disabled(self.name());
        let disconnected =
            self.with_source(registered, |registered| self.disconnect_and_serve_last(registered, data)).flatten();
        self.forget_withheld();
        self.work.take_kept();
        if self.state.has(REMOVED) {
            return Err(self.removed());
        }
        called.and(disconnected)
    }

    /// Delivers the assertions of an interrupt without a source that were left to the owner: they came before the
    /// disable.
    fn serve_last_pending(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let pending = self.take_pending();
        if pending != 0 {
            self.serve_last(registered, data, pending as u64);
        }
    }

    /// Delivers what was signalled before the disconnection. If the interrupt is inactive or asleep, withholds it
    /// instead.
    fn serve_last(&self, registered: &mut Registered<T, W>, data: &mut T, signalled: u64) {
        if self.state.has(INACTIVE | ASLEEP) {
            self.add_withheld(signalled);
        } else {
            self.run_isr(registered, data, signalled, AfterIsr::LeaveMasked);
        }
    }

    /// Disconnects the source, and delivers what was signalled before. Returns the error of the disconnection.
    fn disconnect_and_serve_last(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        let disconnected = match &mut registered.source {
            Some(source) => source.disconnect(),
            None => {
                self.serve_last_pending(registered, data);
                return Ok(());
            }
        };
        // Deliver what was signalled before the disconnection, do not drop it.
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
    /// Disables an enabled interrupt. An error does not stop it; returns the first one.
    pub(in crate::interrupt) fn disable(&self) -> Result<(), Error> {
        let object = self.object;
        let mut lock = self.lock();
        let data = &mut *lock;
        // SAFETY: this thread holds the lock, and is in no callback of this interrupt: there `begin` refuses.
        let answer = unsafe { object.registered.with(|registered| object.disable_locked(registered, data)) };
        drop(lock);
        // Wake the listener now: the work item, for which this waits below, may itself wait for the listener.
        object.tell_listener();
        object.work.close();
        object.flush_work();
        answer
    }
}
