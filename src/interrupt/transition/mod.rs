//! The transitions, which move an interrupt from one state to another.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `enable` | enable | E1, E3, E7, I4, I8, I9, I15 |
//! | `disable` | disable | E2, E3, I5, W7 |
//! | `inactive` | reported inactive, reported active | E8 |
//! | `fault` | a fault takes the interrupt out of service; the driver clears it | I12 |
//! | `removal` | the device goes | I13 |
//! | `power` | what the device asks of its interrupt | E5, E9 |
//! | `policy` | what an enable asks of the system | P1, P2 |
//! | `end` | the end | E6 |
//! | this one | one transition at a time, and none that would wait for itself | E4 |
//!
//! Each transition is one section of the interrupt lock. The control lock, which a transition holds to its end, keeps
//! transitions apart. A delivery in the middle of a transition waits for the interrupt lock, and then finds the state
//! decided. An assertion that is signalled before a disconnection can still be taken after it. So no assertion is lost
//! between two steps.

mod disable;
mod enable;
mod end;
mod fault;
mod inactive;
#[cfg(feature = "std")]
mod policy;
mod power;
#[cfg(feature = "std")]
mod removal;

#[cfg(feature = "std")]
pub(super) use policy::RequestedPolicy;

use lock_api::MutexGuard;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::fault::{Callback, Fault};
use crate::interrupt::{InterruptObject, Registered};
use crate::lock::waits::{Circle, Waits};
use crate::lock::{InterruptLockGuard, RawInterruptLock};
use crate::sync;

/// Whether a transition, such as an enable, had to do anything, for the driver that called it ([rule
/// E3](crate::guide::contract#e3)).
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
#[non_exhaustive]
pub enum Transition {
    /// The transition has been made.
    Done,
    /// The interrupt was in that state already. Nothing was done, and no callback ran.
    Already,
}

impl<T, W> InterruptObject<T, W> {
    /// Begins a transition: waits until no other is under way, and keeps others out. Returns an error if it would wait
    /// for itself.
    pub(in crate::interrupt) fn begin(&self) -> Result<InTransition<'_, T, W>, Error> {
        if sync::is_in_isr() {
            return Err(self.would_deadlock("called from an ISR"));
        }
        self.begin_anywhere()
    }

    /// As [`begin`](Self::begin), but does not refuse inside the ISR of another interrupt.
    pub(in crate::interrupt) fn begin_anywhere(&self) -> Result<InTransition<'_, T, W>, Error> {
        if let Some(why) = self.section_of_this_thread() {
            return Err(self.would_deadlock(why));
        }
        let waits = self
            .register_waits()
            .map_err(|_| self.would_deadlock("another thread's callback waits for what this thread holds"))?;
        Ok(InTransition { object: self, control: Some(self.control.lock()), waits: Some(waits) })
    }

    /// Registers all that a transition may wait for.
    pub(crate) fn register_waits(&self) -> Result<Waits<'_>, Circle> {
        // SAFETY: used only to see which thread owns it, and to register a wait for it.
        let control = unsafe { self.control.raw() };
        let (control, lock, work) = (control.awaited(), self.lock().raw().awaited(), self.work.awaited());
        match self.callback_lock() {
            None => Waits::register([control, lock, work]),
            Some(callback_lock) => Waits::register([control, lock, work, callback_lock.awaited()]),
        }
    }

    /// The callback lock under which the work item runs, if it is serialized ([rule W5](crate::guide::contract#w5)).
    fn callback_lock(&self) -> Option<&RawInterruptLock> {
        self.serializer().map(|device| device.callback_lock())
    }

    fn would_deadlock(&self, why: &'static str) -> Error {
        self.error(ErrorKind::WouldDeadlock { why })
    }

    /// Returns in which section of this interrupt the calling thread is, as the reason of an error.
    pub(in crate::interrupt) fn section_of_this_thread(&self) -> Option<&'static str> {
        // SAFETY: used only to see which thread owns it.
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

    /// Faults the interrupt for a callback that panicked. Returns the error that says so.
    pub(in crate::interrupt) fn panicked(
        &self,
        registered: &mut Registered<T, W>,
        callback: Callback,
        message: crate::name::Name,
    ) -> Error {
        let fault = Fault::Panicked { callback, message };
        self.set_faulted(registered, fault.clone());
        self.error(ErrorKind::Faulted(fault))
    }
}

/// A transition that is under way: it holds the control lock, and has registered what it waits for.
pub(in crate::interrupt) struct InTransition<'a, T, W> {
    object: &'a InterruptObject<T, W>,
    control: Option<MutexGuard<'a, RawInterruptLock, ()>>,
    waits: Option<Waits<'a>>,
}

impl<'a, T, W> InTransition<'a, T, W> {
    /// Acquires the interrupt lock. The wait ends: the register of waits has shown that it closes no circle.
    pub(in crate::interrupt) fn lock(&self) -> InterruptLockGuard<'a, T> {
        self.object.acquire_interrupt_lock()
    }
}

impl<T, W> Drop for InTransition<'_, T, W> {
    fn drop(&mut self) {
        // Do this first, because the end, which may run below, is a transition too. An end that met this transition in
        // a circle of waits either finds these waits out of the register, and tries again, or has set its bit before
        // they left it, so that it is seen below.
        self.control = None;
        self.waits = None;
        self.object.after_section();
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Makes the dispatcher stop waiting on the source.
    pub(in crate::interrupt) fn disarm(&self) {
        if let Some(dispatch) = &self.dispatch {
            dispatch.disarm();
        }
    }

    pub(in crate::interrupt) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.name().clone(), kind)
    }

    fn removed(&self) -> Error {
        self.error(ErrorKind::Removed)
    }

    pub(in crate::interrupt) fn source_error(&self, error: SourceError) -> Error {
        self.error(ErrorKind::Source(error))
    }
}
