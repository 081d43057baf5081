//! How an interrupt lock is acquired: by a thread, by a closure, by a delivery.

use core::panic::Location;

use lock_api::Mutex;

use crate::circle::Kind;
use crate::error::{Error, ErrorKind};
use crate::lock::guard::{DeliveryGuard, InterruptLockGuard};
use crate::lock::raw::{Acquisition, Admission, NotAcquired, RawInterruptLock, Refused};
use crate::lock::release::{Released, Tenant, release_serving};
use crate::lock::waits::Label;
use crate::sync;

/// A lock with its data, and the tenant for which it is acquired.
pub(crate) struct Access<'a, T> {
    pub(crate) mutex: &'a Mutex<RawInterruptLock, T>,
    pub(crate) tenant: &'a dyn Tenant<T>,
}

impl<'a, T> Access<'a, T> {
    /// Waits until the caller holds the lock. Panics if that would never be: it holds the lock already, or the wait would
    /// close a circle.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(self) -> InterruptLockGuard<'a, T> {
        let acquisition = match self.raw().acquire_at_once() {
            Ok(acquisition) => acquisition,
            Err(Refused::Held) => acquire_held(self.mutex, self.tenant),
            Err(Refused::ServeFirst) => acquire_announced(self.mutex, self.tenant),
        };
        self.guard(acquisition)
    }

    /// Takes the lock if that needs no wait. Serves first what is left to the owner.
    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(self) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition)),
                Err(Refused::ServeFirst) => {
                    if serve_first(self.mutex, self.tenant) == Released::SomeLeft {
                        // There is more than one release may serve: the caller's section comes before the rest.
                        return self.raw().acquire_before_left().ok().map(|acquisition| self.guard(acquisition));
                    }
                }
                Err(Refused::Held) if sync::is_forked() => {
                    return inherited(self.mutex, self.tenant).map(|acquisition| self.guard(acquisition));
                }
                Err(Refused::Held) => return None,
            }
        }
    }

    /// Takes the lock for a closure that must not overtake others: only if that needs no wait and no closure waits.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn try_acquire_in_order(self) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition)),
                Err(Refused::ServeFirst) if serve_first(self.mutex, self.tenant) == Released::AllServed => {}
                Err(_) => return None,
            }
        }
    }

    /// Leaves something to the owner, which the caller has noted already: a closure, a fault. Never waits. Returns the
    /// lock if there is no owner: then the guard's release does it.
    #[track_caller]
    pub(crate) fn leave_or_acquire(self) -> Option<InterruptLockGuard<'a, T>> {
        self.raw().leave_or_acquire().map(|acquisition| self.guard(acquisition))
    }

    /// Waits until the caller holds the lock, or until `deadline`.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire_until(self, deadline: Option<sync::Instant>) -> Result<InterruptLockGuard<'a, T>, Error> {
        let acquisition = match self.raw().acquire_at_once() {
            Ok(acquisition) => acquisition,
            Err(refused) => acquire_slow(self.mutex, self.tenant, refused, deadline, false)?,
        };
        Ok(self.guard(acquisition))
    }

    /// As [`acquire_until`](Self::acquire_until), for an end: the wait may be called off.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn acquire_for_end(self) -> Result<InterruptLockGuard<'a, T>, Error> {
        let acquisition = match self.raw().acquire_at_once() {
            Ok(acquisition) => acquisition,
            Err(refused) => acquire_slow(self.mutex, self.tenant, refused, None, true)?,
        };
        Ok(self.guard(acquisition))
    }

    /// Acquires for a delivery, if the lock is free and no other delivery waits. If that fails, the caller calls
    /// [`deliver_slow`](Self::deliver_slow).
    #[inline(always)]
    pub(crate) fn deliver_at_once(self) -> Option<DeliveryGuard<'a, T>> {
        self.raw().deliver_at_once().map(|acquisition| DeliveryGuard::new(self.guard(acquisition)))
    }

    /// Acquires for a delivery. Returns `None` if the delivery is left to the owner; then `before_leaving` has run.
    ///
    /// `through_wait` is given the step that may have to wait, and runs it. The step returns whether it took the lock.
    pub(crate) fn deliver_slow(
        self,
        may_wait: bool,
        before_leaving: impl FnOnce(),
        through_wait: impl FnOnce(&mut dyn FnMut() -> bool),
    ) -> Option<DeliveryGuard<'a, T>> {
        let (raw, may_wait) = (self.raw(), may_wait && !self.tenant.is_inherited());
        let (mut admission, mut before_leaving) = (Admission::LeftToOwner, Some(before_leaving));
        through_wait(&mut || {
            if let Some(before_leaving) = before_leaving.take() {
                admission = raw.deliver_slow(may_wait, label(self.tenant), before_leaving);
            }
            matches!(admission, Admission::Acquired(_))
        });
        match admission {
            Admission::Acquired(acquisition) => Some(DeliveryGuard::new(self.guard(acquisition))),
            Admission::LeftToOwner => None,
        }
    }

    #[inline]
    pub(crate) fn raw(self) -> &'a RawInterruptLock {
        // SAFETY: `Access` and the interrupt's object use the raw lock only through guards; nothing else releases it.
        unsafe { self.mutex.raw() }
    }

    #[inline]
    fn guard(self, acquisition: Acquisition) -> InterruptLockGuard<'a, T> {
        InterruptLockGuard::new(self.mutex, acquisition, self.tenant)
    }
}

impl<T> Clone for Access<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Access<'_, T> {}

// The slow paths take the parts of an `Access`, and return an acquisition. If they took the `Access`, or returned a guard, it
// would have to be in memory, and the fast path would pay for the stores before its acquisition. There is one for each
// reason: if the reason were an argument, the fast path would set it before it knows whether there is one.

/// As [`acquire_slow`], after [`Refused::Held`]. Panics instead of returning an error.
#[cold]
#[track_caller]
fn acquire_held<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Acquisition {
    match acquire_slow(mutex, tenant, Refused::Held, None, false) {
        Ok(acquisition) => acquisition,
        Err(error) => panic(&error),
    }
}

/// As [`acquire_held`], after [`Refused::ServeFirst`].
#[cold]
#[track_caller]
fn acquire_announced<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Acquisition {
    match acquire_slow(mutex, tenant, Refused::ServeFirst, None, false) {
        Ok(acquisition) => acquisition,
        Err(error) => panic(&error),
    }
}

#[cold]
#[track_caller]
fn acquire_slow<T>(
    mutex: &Mutex<RawInterruptLock, T>,
    tenant: &dyn Tenant<T>,
    mut refused: Refused,
    deadline: Option<sync::Instant>,
    for_end: bool,
) -> Result<Acquisition, Error> {
    let access = Access { mutex, tenant };
    loop {
        let acquired = match refused {
            Refused::Held if tenant.is_inherited() && !access.raw().is_mine() => {
                return inherited(mutex, tenant).ok_or_else(|| Error::new(tenant.name().clone(), ErrorKind::Forked));
            }
            Refused::Held => match access.raw().wait(deadline, label(tenant).for_end(for_end)) {
                Ok(acquisition) => Ok(acquisition),
                Err(NotAcquired::ServeFirst) => Err(Refused::ServeFirst),
                Err(refused) => return Err(error(tenant, refused, Location::caller())),
            },
            Refused::ServeFirst if serve_first(mutex, tenant) == Released::SomeLeft => {
                // There is more than one release may serve: the caller's section comes before the rest.
                access.raw().acquire_before_left()
            }
            Refused::ServeFirst => access.raw().acquire_at_once(),
        };
        match acquired {
            Ok(acquisition) => return Ok(acquisition),
            Err(again) => refused = again,
        }
    }
}

/// Returns the lock of an interrupt that was built before a fork, if it is free ([rule
/// I20](crate::guide::contract#i20)).
#[cold]
#[track_caller]
fn inherited<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Option<Acquisition> {
    if !tenant.is_inherited() {
        return None;
    }
    Access { mutex, tenant }.raw().acquire_inherited()
}

/// Returns what other threads are told of a wait for the lock.
fn label<T>(tenant: &dyn Tenant<T>) -> Label<'_> {
    Label::of(Kind::Lock, tenant.name())
}

/// Returns the error of an acquisition at `here`.
fn error<T>(tenant: &dyn Tenant<T>, refused: NotAcquired, here: &'static Location<'static>) -> Error {
    let kind = match refused {
        NotAcquired::Recursive(at) => ErrorKind::Recursive { taken_at: at.unwrap_or(here) },
        NotAcquired::Circle(circle) => {
            ErrorKind::WouldDeadlock { why: "another thread holds the interrupt lock", circle: Some(circle) }
        }
        NotAcquired::CalledOff => {
            ErrorKind::WouldDeadlock { why: "another thread holds the interrupt lock", circle: None }
        }
        NotAcquired::TimedOut | NotAcquired::ServeFirst => ErrorKind::TimedOut,
    };
    Error::new(tenant.name().clone(), kind)
}

/// Serves what is left to the owner, and releases. The caller holds the lock for that alone, and tries again
/// afterwards.
#[cold]
fn serve_first<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Released {
    // SAFETY: after `Refused::ServeFirst` the caller holds the lock, without a borrow. Before it touches the data
    // it acquires again.
    unsafe { release_serving(mutex, tenant) }
}

#[cold]
#[track_caller]
fn panic(error: &Error) -> ! {
    panic!("{error:#}")
}
