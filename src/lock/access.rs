//! The way to a lock: how it is acquired, by a thread and by a delivery.

use core::panic::Location;

use lock_api::Mutex;

use crate::lock::InterruptLockGuard;
use crate::lock::raw::{Acquisition, Admission, NotAcquired, RawInterruptLock};
use crate::lock::release::{Released, Tenant, release_serving};
use crate::sync;
use crate::{Error, ErrorKind};

/// A lock with its data, and for whom it is acquired.
pub(crate) struct Access<'a, T> {
    pub(crate) mutex: &'a Mutex<RawInterruptLock, T>,
    pub(crate) tenant: &'a dyn Tenant<T>,
}

impl<'a, T> Access<'a, T> {
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(self) -> InterruptLockGuard<'a, T> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => self.guard(acquisition),
            Err(refused) => match acquire_slow(self.mutex, self.tenant, refused, None) {
                Ok(guard) => guard,
                Err(error) => panic(&error),
            },
        }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(self) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition)),
                Err(NotAcquired::ServeFirst) => {
                    if serve_first(self.mutex, self.tenant) == Released::ClosuresLeft {
                        // They are many: a section comes between.
                        return self.raw().deliver_at_once().ok().map(|acquisition| self.guard(acquisition));
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// Acquires for a closure that is not to overtake others: only if that needs no wait and no closure waits.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn try_acquire_in_order(self) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition)),
                Err(NotAcquired::ServeFirst) if serve_first(self.mutex, self.tenant) == Released::AllServed => {}
                Err(_) => return None,
            }
        }
    }

    /// Leaves a closure to the owner. Returns the lock if nobody owns it: its release runs the closure.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn leave_or_acquire(self) -> Option<InterruptLockGuard<'a, T>> {
        self.raw().leave_or_acquire().map(|acquisition| self.guard(acquisition))
    }

    /// Waits no longer than until `deadline`.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire_until(self, deadline: Option<sync::Instant>) -> Result<InterruptLockGuard<'a, T>, Error> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => Ok(self.guard(acquisition)),
            Err(refused) => acquire_slow(self.mutex, self.tenant, refused, deadline),
        }
    }

    /// Acquires for a delivery; `None` if the owner serves the delivery as it releases, in which case `leave` has run
    /// first. `through_wait` runs the step that may have to wait and returns whether the lock was acquired.
    #[inline]
    #[track_caller]
    pub(crate) fn deliver(
        self,
        may_wait: bool,
        leave: impl FnOnce(),
        through_wait: impl FnOnce(&mut dyn FnMut() -> bool),
    ) -> Option<InterruptLockGuard<'a, T>> {
        let admission = match self.raw().deliver_at_once() {
            Ok(acquisition) => Admission::Acquired(acquisition),
            Err(_) => deliver_slow(self.raw(), may_wait, leave, through_wait),
        };
        match admission {
            Admission::Acquired(acquisition) => Some(self.guard(acquisition)),
            Admission::LeftToOwner => None,
        }
    }

    #[inline]
    pub(crate) fn raw(self) -> &'a RawInterruptLock {
        // SAFETY: here and in the object the raw lock is used only through guards; nothing else releases it.
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

// What follows is given the parts: an `Access` that is passed on has to be in memory, and its stores would come before the
// acquisition.

#[cold]
#[track_caller]
fn acquire_slow<'a, T>(
    mutex: &'a Mutex<RawInterruptLock, T>,
    tenant: &'a dyn Tenant<T>,
    mut refused: NotAcquired,
    deadline: Option<sync::Instant>,
) -> Result<InterruptLockGuard<'a, T>, Error> {
    let access = Access { mutex, tenant };
    loop {
        let acquired = match refused {
            NotAcquired::Held => access.raw().wait(deadline),
            NotAcquired::ServeFirst if serve_first(mutex, tenant) == Released::ClosuresLeft => {
                // They are many: a section comes between.
                access.raw().deliver_at_once()
            }
            NotAcquired::ServeFirst => access.raw().acquire_at_once(),
            NotAcquired::Recursive(at) => {
                let taken_at = at.unwrap_or(Location::caller());
                return Err(Error::new(tenant.name().clone(), ErrorKind::Recursive { taken_at }));
            }
            NotAcquired::TimedOut => return Err(Error::new(tenant.name().clone(), ErrorKind::TimedOut)),
        };
        match acquired {
            Ok(acquisition) => return Ok(InterruptLockGuard::new(mutex, acquisition, tenant)),
            Err(again) => refused = again,
        }
    }
}

/// Serves what was left to the owner before the section of the caller, who has the lock for that alone.
#[cold]
fn serve_first<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Released {
    // SAFETY: after `NotAcquired::ServeFirst` the caller has the lock, without a borrow; it tries again afterwards.
    unsafe { release_serving(mutex, tenant) }
}

#[cold]
fn deliver_slow(
    raw: &RawInterruptLock,
    may_wait: bool,
    leave: impl FnOnce(),
    through_wait: impl FnOnce(&mut dyn FnMut() -> bool),
) -> Admission {
    let (mut admission, mut leave) = (Admission::LeftToOwner, Some(leave));
    through_wait(&mut || {
        if let Some(leave) = leave.take() {
            admission = raw.deliver_slow(may_wait, leave);
        }
        matches!(admission, Admission::Acquired(_))
    });
    admission
}

#[cold]
#[track_caller]
fn panic(error: &Error) -> ! {
    panic!("{error:#}")
}
