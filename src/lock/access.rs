//! The way to a lock: how it is acquired, and what is served before it is released.

use core::panic::Location;

use lock_api::Mutex;

use crate::lock::InterruptLockGuard;
use crate::lock::raw::{Acquisition, Entry, NotAcquired, RawInterruptLock};
use crate::sync;
use crate::{Error, Name};

/// A lock with its data, and through whom it is acquired.
pub(crate) struct Access<'a, T> {
    pub(crate) mutex: &'a Mutex<RawInterruptLock, T>,
    pub(crate) at_release: &'a dyn AtRelease<T>,
}

/// Through whom a lock is acquired: what its owner does, before it releases it, for those who left word.
pub(crate) trait AtRelease<T> {
    /// As in errors.
    fn name(&self) -> &Name;

    /// Runs with the lock held: serves what deliveries have left, and then, if it may, one closure; after that it may not.
    /// The answer is whether closures are left. Must not unwind.
    fn serve(&self, data: &mut T, may_run: &mut bool) -> bool;

    /// Runs after the lock has been released by an owner that had served. Must not unwind.
    fn after(&self);

    /// Runs after a release that has left closures, because it has run as many as it may. The answer is whether somebody
    /// goes on with them: where nobody does, whoever takes the lock next will. Must not unwind.
    fn go_on_elsewhere(&self) -> bool;
}

/// How many closures a release runs. The others are left to whoever takes the lock next.
const CLOSURES: u32 = 64;

/// What a release that had to serve has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Released {
    /// Nothing is left.
    AllServed,
    /// It has run as many closures as it may, and some are left.
    ClosuresLeft,
}

impl<'a, T> Access<'a, T> {
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(self) -> InterruptLockGuard<'a, T> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => self.guard(acquisition),
            Err(refused) => match acquire_slow(self.mutex, self.at_release, refused, None) {
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
                Err(NotAcquired::Pending) => {
                    if serve_first(self.mutex, self.at_release) == Released::ClosuresLeft {
                        // They are many: a section comes between.
                        return self.raw().enter_at_once().ok().map(|acquisition| self.guard(acquisition));
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// For a closure that is not to overtake others: the lock, if it needs no wait and no closure waits.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn try_acquire_in_order(self) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition)),
                Err(NotAcquired::Pending) if serve_first(self.mutex, self.at_release) == Released::AllServed => {}
                Err(_) => return None,
            }
        }
    }

    /// For a closure that has been left: the lock, if there is no owner to run it.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn leave_to_owner(self) -> Option<InterruptLockGuard<'a, T>> {
        self.raw().leave_to_owner().map(|acquisition| self.guard(acquisition))
    }

    /// Waits no longer than until `deadline`.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire_until(self, deadline: Option<sync::Instant>) -> Result<InterruptLockGuard<'a, T>, Error> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => Ok(self.guard(acquisition)),
            Err(refused) => acquire_slow(self.mutex, self.at_release, refused, deadline),
        }
    }

    /// For a delivery: the lock, or `None` if the owner serves the delivery as it releases. `announce` runs first then.
    /// What may have to wait is done by what `through_wait` is given, which answers whether the lock is held then.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(
        self,
        may_wait: bool,
        announce: impl FnOnce(),
        through_wait: impl FnOnce(&mut dyn FnMut() -> bool),
    ) -> Option<InterruptLockGuard<'a, T>> {
        let entry = match self.raw().enter_at_once() {
            Ok(acquisition) => Entry::Acquired(acquisition),
            Err(_) => enter_slow(self.raw(), may_wait, announce, through_wait),
        };
        match entry {
            Entry::Acquired(acquisition) => Some(self.guard(acquisition)),
            Entry::Pending => None,
        }
    }

    #[inline]
    pub(crate) fn raw(self) -> &'a RawInterruptLock {
        // SAFETY: here and in the object the raw lock is used only through guards; nothing else releases it.
        unsafe { self.mutex.raw() }
    }

    #[inline]
    fn guard(self, acquisition: Acquisition) -> InterruptLockGuard<'a, T> {
        InterruptLockGuard::new(self.mutex, acquisition, self.at_release)
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
    at_release: &'a dyn AtRelease<T>,
    mut refused: NotAcquired,
    deadline: Option<sync::Instant>,
) -> Result<InterruptLockGuard<'a, T>, Error> {
    let (access, interrupt) = (Access { mutex, at_release }, || at_release.name().clone());
    loop {
        let answer = match refused {
            NotAcquired::Held => access.raw().wait(deadline),
            NotAcquired::Pending => {
                if serve_first(mutex, at_release) == Released::ClosuresLeft {
                    // They are many: a section comes between.
                    access.raw().enter_at_once()
                } else {
                    access.raw().acquire_at_once()
                }
            }
            NotAcquired::Recursive(at) => {
                let taken_at = at.unwrap_or(Location::caller());
                return Err(Error::Recursive { interrupt: interrupt(), taken_at });
            }
            NotAcquired::TimedOut => return Err(Error::TimedOut { interrupt: interrupt() }),
        };
        match answer {
            Ok(acquisition) => return Ok(InterruptLockGuard::new(mutex, acquisition, at_release)),
            Err(again) => refused = again,
        }
    }
}

/// What is pending comes before the section of the caller, who has the lock for that alone.
#[cold]
fn serve_first<T>(mutex: &Mutex<RawInterruptLock, T>, at_release: &dyn AtRelease<T>) -> Released {
    // SAFETY: after `NotAcquired::Pending` the caller has the lock, without a borrow; it tries again afterwards.
    unsafe { serve(mutex, at_release) }
}

#[cold]
fn enter_slow(
    raw: &RawInterruptLock,
    may_wait: bool,
    announce: impl FnOnce(),
    through_wait: impl FnOnce(&mut dyn FnMut() -> bool),
) -> Entry {
    let (mut entry, mut announce) = (Entry::Pending, Some(announce));
    through_wait(&mut || {
        if let Some(announce) = announce.take() {
            entry = raw.enter_slow(may_wait, announce);
        }
        matches!(entry, Entry::Acquired(_))
    });
    entry
}

#[cold]
#[track_caller]
fn panic(error: &Error) -> ! {
    panic!("{error}")
}

/// Serves what is pending until the lock can be released, and releases it.
///
/// It takes the guard's parts, not the guard: one whose address is known has to be in memory, and each store between
/// acquire and release is one more that the release waits for.
///
/// # Safety
///
/// The caller holds the lock, without a borrow, and passes it on: it must not touch the lock or the data any more.
#[cold]
pub(super) unsafe fn serve<T>(mutex: &Mutex<RawInterruptLock, T>, at_release: &dyn AtRelease<T>) -> Released {
    // SAFETY: the lock is held, and is released here alone.
    let raw = unsafe { mutex.raw() };
    let mut closures = 0;
    let released = loop {
        let is_pending = raw.take_pending();
        if is_pending {
            // SAFETY: the lock is still held, and its borrow has ended.
            let acquisition = unsafe { raw.resume() };
            // Each closure is a section of its own, so a delivery that has come to wait goes before the next (rule L7).
            let mut may_run = closures < CLOSURES;
            closures += u32::from(may_run);
            // SAFETY: the acquisition excludes every other access.
            let are_left = at_release.serve(unsafe { &mut *mutex.data_ptr() }, &mut may_run);
            acquisition.end();
            if are_left {
                raw.leave_word();
                #[cfg(feature = "alloc")]
                if closures == CLOSURES {
                    // SAFETY: still held, without a borrow, and not touched again.
                    unsafe { raw.release_passing_on() };
                    break Released::ClosuresLeft;
                }
            }
        }
        // SAFETY: still held, without a borrow, and not touched again after success.
        if unsafe { raw.release() }.is_ok() {
            break Released::AllServed;
        }
    };
    at_release.after();
    released
}
