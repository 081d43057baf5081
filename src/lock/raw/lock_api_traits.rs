//! The raw lock as `lock_api` knows raw locks.

use core::panic::Location;

use lock_api::{Mutex, MutexGuard, RawMutex};

use crate::circle::Circle;
use crate::lock::raw::{Acquisition, NotAcquired, RawInterruptLock, Refused};
use crate::lock::waits::Label;
use crate::sync;

#[cold]
#[track_caller]
fn recursion(taken_at: Option<&'static Location<'static>>) -> ! {
    match taken_at {
        Some(at) => panic!("this thread holds the lock already, taken at {at}"),
        None => panic!("this thread holds the lock already"),
    }
}

#[cold]
#[track_caller]
fn deadlock(circle: &Circle) -> ! {
    panic!("acquiring the lock would be a deadlock: {circle}")
}

// SAFETY: the owner word is the lock. `exchange_owner` sets it by a compare-exchange from zero with Acquire; only the
// owner clears it, with Release. A `lock` that panics has not taken the lock: it panics before it takes. The words are
// plain data, so a lock may be moved or dropped while it is held.
unsafe impl RawMutex for RawInterruptLock {
    #[cfg(not(loom))]
    const INIT: Self = Self::new();
    // Loom's atomics can't be made in a constant. A model calls `Mutex::from_raw(RawInterruptLock::new(), …)` instead.
    #[cfg(loom)]
    const INIT: Self = panic!("under loom, make the lock with Mutex::from_raw(RawInterruptLock::new(), …)");

    type Guard = Acquisition;

    #[inline]
    #[track_caller]
    fn lock(&self) -> Acquisition {
        loop {
            match self.acquire(None, Label::UNNAMED) {
                Ok(acquisition) => return acquisition,
                Err(NotAcquired::Recursive(at)) => recursion(at),
                Err(NotAcquired::Circle(circle)) => deadlock(&circle),
                Err(NotAcquired::ServeFirst) => self.release_unserving(),
                Err(NotAcquired::TimedOut | NotAcquired::CalledOff) => {}
            }
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> Option<Acquisition> {
        loop {
            match self.try_acquire() {
                Ok(acquisition) => return Some(acquisition),
                Err(Refused::ServeFirst) => self.release_unserving(),
                Err(Refused::Held) => return None,
            }
        }
    }

    #[inline]
    unsafe fn unlock(&self, acquisition: Acquisition) {
        acquisition.end();
        self.release_unserving();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.owner() != 0
    }
}

/// Locks a mutex of the crate's own, until `deadline`, for a caller that must not panic. `label` says what it is.
#[track_caller]
pub(crate) fn lock_until<'a, T>(
    mutex: &'a Mutex<RawInterruptLock, T>,
    deadline: Option<sync::Instant>,
    label: Label<'_>,
) -> Result<MutexGuard<'a, RawInterruptLock, T>, NotAcquired> {
    // SAFETY: the raw lock is acquired here, and released by the guard that is made below.
    let raw = unsafe { mutex.raw() };
    loop {
        match raw.acquire(deadline, label) {
            // SAFETY: this thread has just acquired the raw lock, and the guard gets the state of that acquisition.
            Ok(acquisition) => return Ok(unsafe { mutex.make_guard_unchecked(acquisition) }),
            Err(NotAcquired::ServeFirst) => raw.release_unserving(),
            Err(refused) => return Err(refused),
        }
    }
}

/// Undoes the mask of a lock that is held while the driver's code runs (rule B4). On bare metal it excludes other
/// transitions all the same, because exclusion is the owner word's.
pub(crate) fn stop_masking<T>(guard: &MutexGuard<'_, RawInterruptLock, T>) {
    // SAFETY: the guard holds the lock, and this releases nothing.
    unsafe { MutexGuard::mutex(guard).raw() }.stop_masking();
}

/// Acquiring with a time-out or a deadline ([rule L8](crate::guide::contract#l8)). A waiter that is woken as its time
/// runs out tries once more.
#[cfg(feature = "std")]
mod timed {
    use std::time::{Duration, Instant};

    use lock_api::RawMutexTimed;

    use super::*;

    // SAFETY: the timed forms take the lock through `acquire`, as `lock` does.
    unsafe impl RawMutexTimed for RawInterruptLock {
        type Duration = Duration;
        type Instant = Instant;

        #[track_caller]
        fn try_lock_for(&self, timeout: Duration) -> Option<Acquisition> {
            // A deadline beyond the clock's range is none.
            self.lock_until(Instant::now().checked_add(timeout))
        }

        #[track_caller]
        fn try_lock_until(&self, deadline: Instant) -> Option<Acquisition> {
            self.lock_until(Some(deadline))
        }
    }

    impl RawInterruptLock {
        #[track_caller]
        fn lock_until(&self, deadline: Option<Instant>) -> Option<Acquisition> {
            loop {
                match self.acquire(deadline, Label::UNNAMED) {
                    Ok(acquisition) => return Some(acquisition),
                    Err(NotAcquired::ServeFirst) => self.release_unserving(),
                    Err(_) => return None,
                }
            }
        }
    }
}
