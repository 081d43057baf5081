//! Enable and disable (rules E1 to E4).
//!
//! Each is one section of the interrupt lock, under the control lock that keeps transitions apart. An interrupt that
//! fires in the middle waits for the lock and then finds the state decided; one signalled before a disconnect is still
//! there to be taken after it. So there is nothing between the steps for it to fall into.

mod end;
mod fault;
mod inactive;
#[cfg(feature = "std")]
pub(super) mod policy;
#[cfg(feature = "alloc")]
mod power;

use lock_api::MutexGuard;

use crate::interrupt::delivery::Reopen;
use crate::interrupt::state::{ASLEEP, ENABLED, ENDED, FAULTED, INACTIVE, KEPT_DISABLED, REMOVED};
use crate::interrupt::{Inside, InterruptObject};
use crate::lock::InterruptLockGuard;
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::{Circle, Waits};
use crate::observe::events;
use crate::sync;
use crate::{Callback, CallbackError, Error, Fault};
#[cfg(feature = "alloc")]
use crate::{Info, Share, SourceError, Trigger};

/// What an enable or a disable found (rule E3).
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Transition};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.enable()?, Transition::Done);
/// assert_eq!(interrupt.enable()?, Transition::Already);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It has been done.
    Done,
    /// It was so already; nothing was done.
    Already,
}

impl<T, W> InterruptObject<T, W> {
    /// Connects the interrupt and begins to serve it: *EnableInterrupt*.
    ///
    /// In order: what the source still holds from before is drained and counted as stale, the dispatcher is armed, the
    /// source connected, the enable callback run under the lock. What fires from the connection on is served right
    /// after the callback has succeeded (rules I4, I9, I15). It waits for the interrupt lock, and for another
    /// transition that is going on.
    ///
    /// The interrupts of a [`Device`](crate::Device) are enabled by it; one that the driver has disabled itself waits for
    /// the driver's own call of this. It connects the interrupt whether or not its device is in D0.
    ///
    /// # Errors
    ///
    /// - [`Error::EnableCallback`]: the callback failed; the connection has been undone.
    /// - [`Error::Source`], [`Error::Removed`]: the source could not be connected.
    /// - [`Error::Faulted`]: a fault has to be cleared first, or the enable callback panicked.
    /// - [`Error::WouldDeadlock`]: called from an ISR, from this interrupt's own callbacks, with its lock held, or in a
    ///   circle with another thread's callback. Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, Interrupt, State};
    ///
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|_| Err("no clock"))
    ///     .build()?;
    /// assert!(matches!(interrupt.enable(), Err(Error::EnableCallback { .. })));
    /// assert_eq!(interrupt.state(), State::Disabled);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "WdfInterruptEnable")]
    #[doc(alias = "Enable")]
    pub fn enable(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        self.state.take(KEPT_DISABLED);
        self.enable_in(&transition)
    }

    pub(in crate::interrupt) fn enable_in(&self, transition: &InTransition<'_, T, W>) -> Result<Transition, Error> {
        if self.state.has(ENDED | REMOVED | FAULTED) {
            self.check()?;
        }
        if self.state.has(ENABLED) {
            return Ok(Transition::Already);
        }
        let mut data = transition.lock();
        let data = &mut *data;
        // SAFETY: with the lock held, and from no callback of this interrupt: `begin` refuses those.
        unsafe { self.inside.with(|inside| self.enable_locked(inside, data))? };
        Ok(Transition::Done)
    }

    fn enable_locked(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<(), Error> {
        self.with_source(inside, |inside| self.connect(inside, data)).flatten()?;
        let answer = sync::catch(|| inside.enable.call(data));
        match answer {
            Ok(Ok(())) => {
                self.work.open();
                self.state.set(ENABLED);
                events::enabled(self.name());
                Ok(())
            }
            Ok(Err(source)) => {
                self.out_of_service(inside);
                Err(Error::EnableCallback { interrupt: self.name().clone(), source })
            }
            Err(message) => Err(self.panicked(inside, Callback::Enable, message)),
        }
    }

    /// Stops serving the interrupt and disconnects it: *DisableInterrupt*.
    ///
    /// In order: the disable callback under the lock, the disconnection, what was signalled before it (the ISR runs
    /// once more if there was something), the work item: one that has not begun runs on this thread, one that runs is
    /// waited for, and no other is taken (rules E2, W7). When it returns, no ISR and no work item of this interrupt is
    /// running, and none will until the next enable (rule I5). An interrupt of a [`Device`](crate::Device) stays disabled
    /// through its power cycles until the driver enables it again (rule E5).
    ///
    /// # Errors
    ///
    /// - [`Error::DisableCallback`]: the callback failed. The interrupt is disabled all the same.
    /// - [`Error::Source`]: the disconnection failed. The interrupt is disabled all the same.
    /// - [`Error::Faulted`]: the disable callback panicked.
    /// - [`Error::Removed`]: the device is gone.
    /// - [`Error::WouldDeadlock`]: as for [`enable`](Self::enable), and from the work item. Nothing has been done.
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

    /// Keeps every other transition away, or says why this one would wait for itself.
    pub(in crate::interrupt) fn begin(&self) -> Result<InTransition<'_, T, W>, Error> {
        if sync::is_in_isr() {
            return Err(self.would_deadlock("called from an ISR"));
        }
        self.begin_anywhere()
    }

    /// As [`begin`](Self::begin), also inside the ISR of another interrupt.
    pub(in crate::interrupt) fn begin_anywhere(&self) -> Result<InTransition<'_, T, W>, Error> {
        if let Some(why) = self.section_of_this_thread() {
            return Err(self.would_deadlock(why));
        }
        let waits = self
            .announce_waits()
            .map_err(|_| self.would_deadlock("another thread's callback waits for what this thread holds"))?;
        Ok(InTransition { object: self, control: Some(self.control.lock()), waits: Some(waits) })
    }

    /// Announces all that a transition may wait for.
    pub(crate) fn announce_waits(&self) -> Result<Waits<'_>, Circle> {
        // SAFETY: only to know and to name the owner.
        let control = unsafe { self.control.raw() };
        let (control, lock, work) = (control.awaited(), self.lock().raw().awaited(), self.work.awaited());
        match self.callback_lock() {
            None => Waits::announce([control, lock, work]),
            Some(callback_lock) => Waits::announce([control, lock, work, callback_lock.awaited()]),
        }
    }

    /// The lock that its work item runs under (rule W5).
    #[cfg(feature = "alloc")]
    pub(in crate::interrupt) fn callback_lock(&self) -> Option<&RawInterruptLock> {
        self.serializer().map(crate::Device::callback_lock)
    }

    #[cfg(not(feature = "alloc"))]
    fn callback_lock(&self) -> Option<&RawInterruptLock> {
        None
    }

    fn would_deadlock(&self, why: &'static str) -> Error {
        Error::WouldDeadlock { interrupt: self.name().clone(), why }
    }

    /// Which section of this interrupt the calling thread is inside of.
    pub(in crate::interrupt) fn section_of_this_thread(&self) -> Option<&'static str> {
        // SAFETY: only to know the owner.
        let control = unsafe { self.control.raw() };
        if self.lock().raw().is_mine() {
            Some("called with the interrupt lock held")
        } else if control.is_mine() {
            Some("called from a transition of this interrupt")
        } else if self.work.is_mine() {
            Some("called from the interrupt's own work item")
        } else if self.callback_lock().is_some_and(RawInterruptLock::is_mine) {
            Some("called with the callback lock held that its work item needs")
        } else {
            None
        }
    }

    pub(in crate::interrupt) fn panicked(
        &self,
        inside: &mut Inside<T, W>,
        callback: Callback,
        message: crate::Name,
    ) -> Error {
        let fault = Fault::Panicked { callback, message };
        self.quarantine(inside, fault.clone());
        Error::Faulted { interrupt: self.name().clone(), fault }
    }
}

/// A transition that is going on: the control lock, with what it waits for announced.
pub(in crate::interrupt) struct InTransition<'a, T, W> {
    object: &'a InterruptObject<T, W>,
    control: Option<MutexGuard<'a, RawInterruptLock, ()>>,
    waits: Option<Waits<'a>>,
}

impl<'a, T, W> InTransition<'a, T, W> {
    /// The interrupt lock. It can be waited for: the announcement has shown that no circle closes.
    pub(in crate::interrupt) fn lock(&self) -> InterruptLockGuard<'a, T> {
        self.object.acquire_interrupt_lock()
    }

    /// The whole disable of an enabled interrupt. The first error is the answer; none stops it.
    pub(in crate::interrupt) fn disable(&self) -> Result<(), Error> {
        let object = self.object;
        let mut lock = self.lock();
        let data = &mut *lock;
        // SAFETY: with the lock held, and from no callback of this interrupt: `begin` refuses those.
        let answer = unsafe { object.inside.with(|inside| object.disable_locked(inside, data)) };
        drop(lock);
        // Now: a work item that is waited for below may itself wait for the listener.
        object.tell_listener();
        object.work.close();
        object.flush_work();
        answer
    }
}

impl<T, W> Drop for InTransition<'_, T, W> {
    fn drop(&mut self) {
        // First: the end below is a transition too. An end that met this one in a circle of waits either finds the
        // announcement withdrawn, and tries again, or has left its bit before the withdrawal, and is seen below.
        self.control = None;
        self.waits = None;
        self.object.after_section();
    }
}

impl<T, W> InterruptObject<T, W> {
    fn disable_locked(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<(), Error> {
        if !self.state.in_service() {
            // A fault or a removal came first, and has done what there was to do.
            return Ok(());
        }
        let called = match sync::catch(|| inside.disable.call(data)) {
            Ok(answer) => answer.map_err(|source| self.disable_failed(source)),
            Err(message) => return Err(self.panicked(inside, Callback::Disable, message)),
        };
        // Its disable callback has run: whoever finds out from here on that the device is gone calls no other for it.
        self.state.take(ENABLED);
        events::disabled(self.name());
        let disconnected = self.with_source(inside, |inside| self.disconnect_and_flush(inside, data)).flatten();
        self.forget_withheld();
        self.work.take_kept();
        if self.state.has(REMOVED) {
            return Err(self.removed());
        }
        called.and(disconnected)
    }

    /// Where there is no source, a delivery that was told "pending" is what was signalled before the disconnection.
    fn serve_last_owed(&self, inside: &mut Inside<T, W>, data: &mut T) {
        let owed = self.take_owed();
        if owed != 0 {
            self.serve_last(inside, data, owed as u64);
        }
    }

    /// What was signalled before the disconnection is delivered, unless the interrupt is inactive.
    fn serve_last(&self, inside: &mut Inside<T, W>, data: &mut T, signalled: u64) {
        if self.state.has(INACTIVE | ASLEEP) {
            self.keep_for_later(signalled);
        } else {
            self.answer(inside, data, signalled, Reopen::No);
        }
    }

    fn removed(&self) -> Error {
        Error::Removed { interrupt: self.name().clone() }
    }

    fn disable_failed(&self, source: CallbackError) -> Error {
        Error::DisableCallback { interrupt: self.name().clone(), source }
    }

    #[cfg(not(feature = "alloc"))]
    fn connect(&self, _: &mut Inside<T, W>, _: &mut T) -> Result<(), Error> {
        Ok(())
    }

    #[cfg(not(feature = "alloc"))]
    fn disconnect_and_flush(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<(), Error> {
        self.serve_last_owed(inside, data);
        Ok(())
    }
}

/// The steps that concern the source.
#[cfg(feature = "alloc")]
impl<T, W> InterruptObject<T, W> {
    fn connect(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<(), Error> {
        let Some(source) = &mut inside.source else {
            return Ok(());
        };
        let connected = source.take().and_then(|stale| {
            self.counters.stale.add_exclusive(usize::try_from(stale).unwrap_or(usize::MAX));
            let info = source.info();
            inside.message = info.message_number.unwrap_or(0);
            inside.empty_is_benign = self.note(info);
            // The wait is armed before the source is connected, so what fires at the connection is served.
            match &self.dispatch {
                Some(dispatch) => {
                    dispatch.arm(&mut **source)?;
                    source.connect(&dispatch.waker())
                }
                None => source.connect(core::task::Waker::noop()),
            }?;
            #[cfg(feature = "std")]
            self.place(&**source);
            Ok(())
        });
        connected.map_err(|error| {
            self.disarm();
            if error == SourceError::Removed {
                self.surprise(inside, data);
                return self.removed();
            }
            self.source_error(error)
        })
    }

    /// Has the dispatcher wait no longer.
    pub(in crate::interrupt) fn disarm(&self) {
        if let Some(dispatch) = &self.dispatch {
            dispatch.disarm();
        }
    }

    fn disconnect_and_flush(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<(), Error> {
        let disconnected = match &mut inside.source {
            Some(source) => source.disconnect(),
            None => {
                self.serve_last_owed(inside, data);
                return Ok(());
            }
        };
        // What was signalled before the disconnection is delivered, not dropped.
        if let Ok(signalled @ 1..) = self.take(inside, data) {
            self.serve_last(inside, data, signalled);
        }
        self.disarm();
        disconnected.map_err(|error| {
            if error == SourceError::Removed {
                self.surprise(inside, data);
            }
            self.source_error(error)
        })
    }

    fn source_error(&self, source: SourceError) -> Error {
        Error::Source { interrupt: self.name().clone(), source }
    }

    /// Has it be told as shared, whatever the system says.
    pub(crate) fn note_shared(&self) {
        self.notes.lock().shared = true;
    }

    /// Keeps what the system says of the interrupt, for those who ask. The answer is whether an ISR that finds nothing
    /// is nothing unusual: a message vector of one device's own, of which an earlier run may have done the work.
    pub(crate) fn note(&self, mut info: Info) -> bool {
        let level = info.trigger.is_none_or(Trigger::can_be_masked);
        let mut notes = self.notes.lock();
        if notes.shared {
            info.share = Some(Share::Shared);
        }
        let shared = info.share == Some(Share::Shared);
        notes.warned = !level && shared;
        let benign = !shared && (info.message_signaled == Some(true) || info.trigger == Some(Trigger::Message));
        notes.info = info;
        benign
    }
}
