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
//! | `policy` | what an enable or a move asks of the system | P1, P2, P5 |
//! | `end` | the end | E6 |
//! | `sections` | the sections that one thread is in, for another that waits for their end | E6 |
//! | this one | one transition at a time, and none that would wait for itself | E4, L13, B4 |
//!
//! Each transition decides in a section of the interrupt lock. In it, and nowhere else, the table in `state` says what the
//! transition does: a fault, a removal or the end may have come while it waited for the lock. A delivery in the middle of
//! a transition waits for the lock, and then finds the phase decided. (The end, and a removal that the system has asked
//! for, have two sections: the disable, and the last step.)
//!
//! The control lock, which a transition holds to its end, keeps transitions apart. A disable holds it beyond its
//! section, while it flushes the work item. On bare metal it does not mask (rule B4).
//!
//! Each wait is registered while it lasts (`lock::waits`). If it would close a circle, the transition returns an error.

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
mod sections;

#[cfg(feature = "std")]
pub(super) use policy::RequestedPolicy;
#[cfg(feature = "std")]
pub(crate) use sections::Sections;

use lock_api::MutexGuard;

use crate::cause::SourceError;
use crate::circle::{Circle, Kind};
use crate::error::{Error, ErrorKind};
use crate::fault::{Callback, Fault};
use crate::interrupt::state::Phase;
use crate::interrupt::{InterruptObject, Registered};
use crate::lock::raw::{NotAcquired, lock_until, stop_masking};
use crate::lock::waits::Label;
use crate::lock::{InterruptLockGuard, RawInterruptLock};
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Begins a transition: waits until no other is under way, and keeps others out. Returns an error if it would wait
    /// for itself.
    pub(in crate::interrupt) fn begin(&self) -> Result<InTransition<'_, T, W>, Error> {
        self.begin_until(None)
    }

    /// As [`begin`](Self::begin). The transition waits for its locks until `deadline` only.
    pub(in crate::interrupt) fn begin_until(
        &self,
        deadline: Option<sync::Instant>,
    ) -> Result<InTransition<'_, T, W>, Error> {
        // Perhaps a thread that isn't in this process makes a transition, for ever.
        self.check_here()?;
        let refused = if sync::is_in_isr() { Some("called from an ISR") } else { self.section_of_this_thread() };
        match refused {
            Some(why) => Err(self.would_deadlock(why, None)),
            None => self.begin_outside_sections(deadline, false),
        }
    }

    /// As [`begin_until`](Self::begin_until), for a caller that is in no section of this interrupt.
    fn begin_outside_sections(
        &self,
        deadline: Option<sync::Instant>,
        for_end: bool,
    ) -> Result<InTransition<'_, T, W>, Error> {
        let label = Label::of(Kind::Transition, self.name()).for_end(for_end);
        let control = lock_until(&self.control, deadline, label);
        match control {
            Ok(control) => {
                stop_masking(&control);
                Ok(InTransition { object: self, control: Some(control), deadline, for_end })
            }
            Err(NotAcquired::Circle(circle)) => {
                Err(self.would_deadlock("another thread makes a transition of it", Some(circle)))
            }
            Err(NotAcquired::CalledOff) => Err(self.would_deadlock("another thread makes a transition of it", None)),
            Err(NotAcquired::Recursive(_)) => Err(self.would_deadlock("called from a transition of it", None)),
            Err(NotAcquired::TimedOut | NotAcquired::ServeFirst) => Err(self.error(ErrorKind::TimedOut)),
        }
    }

    fn would_deadlock(&self, why: &'static str, circle: Option<Circle>) -> Error {
        self.error(ErrorKind::WouldDeadlock { why, circle })
    }

    /// Returns in which section of this interrupt the calling thread is, as the reason of an error.
    pub(crate) fn section_of_this_thread(&self) -> Option<&'static str> {
        let callback_lock =
            || self.holds_callback_lock().then_some("called with the callback lock held that its work item needs");
        self.own_section().or_else(callback_lock)
    }

    /// Returns whether the calling thread holds the callback lock that the work item needs.
    pub(in crate::interrupt) fn holds_callback_lock(&self) -> bool {
        self.serializer().is_some_and(|device| device.callback_lock().is_mine())
    }

    /// As [`section_of_this_thread`](Self::section_of_this_thread), without those of its device.
    pub(in crate::interrupt) fn own_section(&self) -> Option<&'static str> {
        if self.lock().raw().is_mine() {
            Some("called with the interrupt lock held")
        } else if self.raw_control().is_mine() {
            Some("called from a transition of this interrupt")
        } else if self.work.is_mine() {
            Some("called from the interrupt's own work item")
        } else {
            None
        }
    }

    /// Returns the raw control lock, to look at its owner.
    pub(super) fn raw_control(&self) -> &RawInterruptLock {
        // SAFETY: the callers only look at the owner, and release nothing.
        unsafe { self.control.raw() }
    }

    /// Returns why the table refuses a transition.
    pub(in crate::interrupt) fn refusal(&self) -> Error {
        match self.state.phase() {
            Phase::Ended => self.ended(),
            Phase::Faulted => {
                self.fault().map_or_else(|| self.removed(), |fault| self.error(ErrorKind::Faulted(fault)))
            }
            _ => self.removed(),
        }
    }

    /// Refuses an interrupt that was built before a fork ([rule I20](crate::guide::contract#i20)).
    pub(in crate::interrupt) fn check_here(&self) -> Result<(), Error> {
        if self.state.is_inherited() { Err(self.ended()) } else { Ok(()) }
    }

    /// Returns the error of an interrupt that has ended, at least for this process.
    pub(in crate::interrupt) fn ended(&self) -> Error {
        self.error(if self.state.is_inherited() { ErrorKind::Forked } else { ErrorKind::Ended })
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

/// A transition that is under way: it holds the control lock.
pub(in crate::interrupt) struct InTransition<'a, T, W> {
    object: &'a InterruptObject<T, W>,
    control: Option<MutexGuard<'a, RawInterruptLock, ()>>,
    deadline: Option<sync::Instant>,
    /// It is the end: its waits may be called off.
    for_end: bool,
}

impl<'a, T, W> InTransition<'a, T, W> {
    /// Acquires the interrupt lock. Returns an error if the wait would never end.
    pub(in crate::interrupt) fn lock(&self) -> Result<InterruptLockGuard<'a, T>, Error> {
        #[cfg(feature = "alloc")]
        if self.for_end {
            return self.object.lock().acquire_for_end();
        }
        self.object.lock().acquire_until(self.deadline)
    }
}

impl<T, W> Drop for InTransition<'_, T, W> {
    fn drop(&mut self) {
        // Do this first, because the end, which may run below, is a transition too.
        self.control = None;
        self.object.after_section();
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Ends the wait on the source: the dispatcher's, and that of a driver's own loop. Returns an error if the system
    /// refuses.
    pub(in crate::interrupt) fn disarm(&self, registered: &mut Registered<T, W>) -> Result<(), SourceError> {
        let disarmed = self.disarm_dispatcher();
        disarmed.and(self.disarm_own_loop(registered))
    }

    /// Makes the dispatcher stop waiting on the source. Returns an error if the system refuses.
    pub(in crate::interrupt) fn disarm_dispatcher(&self) -> Result<(), SourceError> {
        self.dispatch().map_or(Ok(()), |dispatch| dispatch.disarm())
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
