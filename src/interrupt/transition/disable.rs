//! Disable (rules E2, I5, W7).

use crate::answer::State;
use crate::answer::Transition;
use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::fault::{Callback, Fault};
use crate::interrupt::delivery::AfterIsr;
use crate::interrupt::state::{Event, GONE, KEPT_DISABLED, Next};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Disconnects the interrupt, so that neither its ISR nor its work item runs.
    ///
    /// In one section of the lock ([rule E2](crate::guide::contract#e2)), it:
    ///
    /// 1. runs the deferred closures and the ISR for what has been submitted and signalled so far;
    /// 2. runs the disable callback;
    /// 3. disconnects the source.
    ///
    /// Then it flushes the work item: runs it on this thread if it is queued, and waits for it if it runs elsewhere
    /// ([rule W7](crate::guide::contract#w7)).
    ///
    /// No ISR begins after the disable callback has begun. So the callback may stop a clock or unmap registers, and an
    /// ISR that re-arms its device can't undo the callback. What is signalled after the ISR run counts as stale. A level
    /// that is still asserted is delivered at the next enable.
    ///
    /// If the source knows that the device has gone, the removal callback runs instead of the disable callback.
    ///
    /// When it returns, whatever it returns, no ISR and no work item of this interrupt is running, and none begins until
    /// the next enable ([rule I5](crate::guide::contract#i5)). (The exception is [`ErrorKind::WouldDeadlock`], see
    /// below.) Closures that were submitted before the call have run.
    ///
    /// It waits for the interrupt lock, for another transition, and for the work item. If the interrupt is disabled or
    /// faulted already, it returns [`Transition::Already`] and runs no callback.
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
    /// - [`ErrorKind::Faulted`]: the last ISR run, the disable callback or the source panicked. The interrupt is out of
    ///   service.
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    /// - [`ErrorKind::WouldDeadlock`]: the call would wait for itself, as for [`enable`](Self::enable). Nothing has
    ///   been done. Or its work item runs, and waits for what this thread holds: then the interrupt is disabled, and a
    ///   later `disable` waits for the work item.
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

    /// Disables the interrupt, and flushes it whatever the section returns.
    pub(in crate::interrupt) fn disable_in(&self, transition: &InTransition<'_, T, W>) -> Result<Transition, Error> {
        let disabled = transition.disable_in_section()?;
        match self.flush_in(transition) {
            Ok(()) => disabled,
            Err(would_deadlock) => {
                self.free(disabled);
                Err(would_deadlock)
            }
        }
    }

    /// Flushes the work item, after the section that has taken the interrupt out of service.
    pub(in crate::interrupt) fn flush_in(&self, transition: &InTransition<'_, T, W>) -> Result<(), Error> {
        // Wake the listener now: the work item, for which this waits below, may itself wait for the listener.
        self.tell_listeners();
        self.work.close();
        self.flush_work(transition.for_end).map_err(|circle| {
            let why = "it is disabled, but its work item still runs: disable it again later, to wait for that";
            self.would_deadlock(why, circle)
        })
    }

    /// Returns whether the interrupt is out of service and its work item idle, even if the disable has returned an error.
    /// The caller is in the transition.
    pub(in crate::interrupt) fn is_flushed(&self) -> bool {
        !self.state.phase().is_in_service() && self.work.is_idle()
    }

    fn disable_locked(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<Transition, Error> {
        if let Some(answer) = self.nothing_to_disable() {
            return answer;
        }
        #[cfg(feature = "std")]
        self.note_removal(registered, data);
        if self.state.has(GONE) {
            // Perhaps another thread has learnt it, and has not had the lock since.
            self.surprise_removal(registered, data);
        }
        if self.state.in_service() {
            self.serve_last(registered, data);
        }
        if self.nothing_to_disable().is_some() {
            // The device has gone, or the ISR or the source has panicked. The interrupt is out of service already.
            return Err(self.refusal());
        }
        let called = match sync::catch(|| registered.disable.call(data)) {
            Ok(answer) => answer.map_err(|error| self.error(ErrorKind::DisableCallback(error))),
            Err(message) => return Err(self.panicked(registered, Callback::Disable, message)),
        };
        // If the device turns out to have gone after this, no removal callback runs.
        if self.state.apply(Event::Disable).is_some() {
            events::disabled(self.name());
        }
        let disconnected =
            self.with_source(registered, |registered| self.disconnect_and_drain(registered, data)).flatten();
        // Whatever the source has done: a panic is a fault.
        if let Err(error) = self.disarm(registered) {
            self.set_faulted(registered, Fault::Source(error));
        }
        self.forget_withheld();
        self.forget_kept();
        if self.state.snapshot() != State::Disabled {
            // The disconnection has found the device gone, or the source has failed.
            self.free((called, disconnected));
            return Err(self.refusal());
        }
        match called {
            Ok(()) => disconnected,
            Err(error) => Err(error),
        }
        .map(|()| Transition::Done)
    }

    /// Returns the answer if a disable would do nothing in this phase.
    fn nothing_to_disable(&self) -> Option<Result<Transition, Error>> {
        match self.state.next(Event::Disable) {
            Next::To(_) => None,
            Next::Stay => Some(Ok(Transition::Already)),
            Next::Refuse => Some(Err(self.refusal())),
        }
    }

    /// Runs the ISR for what has been signalled so far. If the interrupt is inactive or asleep, that is stale instead.
    fn serve_last(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let pending = self.take_pending();
        let Ok(signalled @ 1..) = self.take_caught(registered, data, pending) else { return };
        if self.state.delivers() {
            self.run_isr(registered, data, signalled, AfterIsr::LeaveMasked);
        } else {
            self.counters.stale.add_exclusive(usize::try_from(signalled).unwrap_or(usize::MAX));
        }
    }

    /// Disconnects the source, and counts what has been signalled since the last ISR run as stale. Returns the error of
    /// the disconnection.
    fn disconnect_and_drain(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        let Some(source) = &mut registered.source else {
            self.counters.stale.add_exclusive(self.take_pending());
            return Ok(());
        };
        let disconnected = source.disconnect();
        if let Ok(signalled @ 1..) = self.take(registered, data) {
            self.counters.stale.add_exclusive(usize::try_from(signalled).unwrap_or(usize::MAX));
        }
        disconnected.map_err(|error| {
            if error == SourceError::Removed {
                self.surprise_removal(registered, data);
            }
            self.source_error(error)
        })
    }
}

impl<T, W> InTransition<'_, T, W> {
    /// The section of a disable. The outer error says that there was none: the lock can't be had.
    pub(super) fn disable_in_section(&self) -> Result<Result<Transition, Error>, Error> {
        let object = self.object;
        let mut lock = self.lock()?;
        let data = &mut *lock;
        object.run_submitted(data);
        // SAFETY: this thread holds the lock, and is in no callback of this interrupt: there `begin` refuses.
        Ok(unsafe { object.registered.with(|registered| object.disable_locked(registered, data)) })
    }
}
