//! What moves an interrupt from one state to another.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `enable` | enable | E1, E3, I4, I9, I15 |
//! | `disable` | disable | E2, E3, I5, W7 |
//! | `inactive` | reported inactive, reported active | E8 |
//! | `fault` | a fault quarantines the interrupt; it is cleared | I12 |
//! | `removal` | the device goes | I13 |
//! | `power` | what its device asks of it | E5, E9 |
//! | `policy` | what the system is asked for at each enable | P1, P2 |
//! | `end` | the end | E6 |
//! | this one | how transitions keep apart, and what would wait for itself (E4) | |
//!
//! Each is one section of the interrupt lock, under the control lock that keeps transitions apart. An interrupt that
//! fires in the middle waits for the lock and then finds the state decided; one signalled before a disconnect is still
//! there to be taken after it. So there is nothing between the steps for it to fall into.

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

use crate::interrupt::{InterruptObject, Registered};
use crate::lock::waits::{Circle, Waits};
use crate::lock::{InterruptLockGuard, RawInterruptLock};
use crate::{Callback, Error, ErrorKind, Fault, SourceError, sync};

/// What an enable or a disable found ([rule E3](crate::guide::contract#e3)).
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
            None => Waits::register([control, lock, work]),
            Some(callback_lock) => Waits::register([control, lock, work, callback_lock.awaited()]),
        }
    }

    /// The lock that its work item runs under ([rule W5](crate::guide::contract#w5)).
    fn callback_lock(&self) -> Option<&RawInterruptLock> {
        self.serializer().map(|device| device.callback_lock())
    }

    fn would_deadlock(&self, why: &'static str) -> Error {
        self.error(ErrorKind::WouldDeadlock { why })
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
        registered: &mut Registered<T, W>,
        callback: Callback,
        message: crate::Name,
    ) -> Error {
        let fault = Fault::Panicked { callback, message };
        self.set_faulted(registered, fault.clone());
        self.error(ErrorKind::Faulted(fault))
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
    /// Has the dispatcher wait no longer.
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
