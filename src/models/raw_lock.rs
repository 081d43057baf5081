//! The lock word: exclusion, wake-ups, time-outs, recursion, what is left pending.

use alloc::sync::Arc;
use core::marker::PhantomData;

use lock_api::{GuardNoSend, Mutex, RawMutex};
use loom::thread;

use super::{Probe, all, bounded};
use crate::raw_lock::{Entry, NotAcquired, RawInterruptLock};
use crate::sync::{Borrow, Instant, Witness};

type Lock = Arc<RawInterruptLock>;

fn lock() -> Lock {
    Arc::new(RawInterruptLock::new())
}

/// One section that uses `probe`.
fn section(lock: &RawInterruptLock, probe: &Probe) {
    let acquisition = lock.lock();
    probe.touch();
    // SAFETY: this section's own acquisition.
    unsafe { lock.unlock(acquisition) };
}

/// Sections exclude one another, and each sees what those before it did.
// Caught: take-acquire, release-release, take-ignores-owner.
#[test]
fn sections_exclude_one_another() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || {
                section(&lock, &probe);
                section(&lock, &probe);
            }
        });
        section(&lock, &probe);
        section(&lock, &probe);
        other.join().unwrap();
        assert_eq!(probe.touch(), 4);
    });
}

/// No wake-up is lost: three threads that queue up all get the lock.
// Caught: parked-forgotten, unlock-forgets-to-wake, parked-cleared-too-early, validate-skipped.
#[test]
fn every_waiter_is_woken() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let others = [(); 2].map(|()| {
            let (lock, probe) = (lock.clone(), probe.clone());
            thread::spawn(move || section(&lock, &probe))
        });
        section(&lock, &probe);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(probe.touch(), 3);
    });
}

/// A waiter whose time runs out takes no wake-up from another, and one that was woken takes the lock.
// Caught: timed-out-clears-parked, woken-gives-up.
#[test]
fn a_timed_waiter_takes_no_wake_up_away() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let held = lock.lock();
        let timed = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || match lock.acquire(Some(Instant::now())) {
                Ok(acquisition) => {
                    probe.touch();
                    // SAFETY: this section's own acquisition.
                    unsafe { lock.unlock(acquisition) };
                }
                Err(refused) => assert!(matches!(refused, NotAcquired::TimedOut)),
            }
        });
        let patient = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || section(&lock, &probe)
        });
        lock.expire_waiters();
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        // A timed waiter that queued after the clock had struck is woken by the release.
        lock.expire_waiters();
        timed.join().unwrap();
        patient.join().unwrap();
        assert!(!lock.is_locked());
        assert!(!alloc::format!("{lock:?}").contains("waiters: true"), "{lock:?}");
    });
}

/// The last waiter that gives up leaves no sign of itself, so that later releases are cheap again.
// Caught: timed-out-leaves-parked.
#[test]
fn a_timed_waiter_leaves_no_trace() {
    all(|| {
        let lock = lock();
        let held = lock.lock();
        let timed = thread::spawn({
            let lock = lock.clone();
            move || match lock.acquire(Some(Instant::now())) {
                // SAFETY: this section's own acquisition.
                Ok(acquisition) => unsafe { lock.unlock(acquisition) },
                Err(_) => {
                    let word = alloc::format!("{lock:?}");
                    assert!(word.contains("waiters: false"), "{word}");
                }
            }
        });
        lock.expire_waiters();
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        timed.join().unwrap();
    });
}

/// A thread that holds the lock is told so, whatever others do.
// Caught: recursion-unnoticed.
#[test]
fn recursion_is_noticed() {
    all(|| {
        let (lock, probe) = (lock(), Probe::new());
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || section(&lock, &probe)
        });
        let held = lock.lock();
        assert!(matches!(lock.acquire(None), Err(NotAcquired::Recursive(_))));
        assert!(lock.try_acquire().is_none());
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        other.join().unwrap();
    });
}

/// Trying takes a free lock, never a held one.
// Caught: try-ignores-owner.
#[test]
fn trying_excludes_too() {
    all(|| {
        let (lock, probe) = (lock(), Probe::new());
        let try_section = |lock: &RawInterruptLock, probe: &Probe| {
            if let Some(acquisition) = lock.try_acquire() {
                probe.touch();
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
            }
        };
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || section(&lock, &probe)
        });
        try_section(&lock, &probe);
        other.join().unwrap();
        assert!(lock.try_acquire().is_some());
    });
}

/// A delivery that may not wait is served by the owner, exactly once, and the owner sees what it left.
// Caught: pending-release, take-pending-acquire, release-ignores-pending, announce-after-pending.
#[test]
fn what_is_left_pending_is_served() {
    all(|| {
        let (lock, left) = (lock(), Probe::new());
        let vector = thread::spawn({
            let (lock, left) = (lock.clone(), left.clone());
            move || match lock.enter(false, || {
                left.touch();
            }) {
                Entry::Acquired(acquisition) => {
                    // SAFETY: this section's own acquisition.
                    let released = unsafe {
                        acquisition.end();
                        lock.release()
                    };
                    assert!(released.is_ok());
                    false
                }
                Entry::Pending => true,
            }
        });
        let held = lock.lock();
        held.end();
        let mut served = 0;
        // SAFETY: the acquisition above; its borrow has ended.
        while unsafe { lock.release() }.is_err() {
            lock.take_pending();
            assert_eq!(left.touch(), 1);
            served += 1;
        }
        let pending = vector.join().unwrap();
        assert_eq!(served, usize::from(pending));
    });
}

/// Between a release that finds something pending and its taking back, others may have had the lock; whoever has it
/// next serves what is pending, exactly once.
// Caught: take-pending-acquire, take-back-ignores-owner, take-clears-pending.
#[test]
fn a_lock_taken_back_is_a_section_like_any_other() {
    /// Releases the lock and serves what is pending before; says how often there was something.
    fn release(lock: &RawInterruptLock, probe: &Probe) -> usize {
        let mut served = 0;
        // SAFETY: the caller's own acquisition; its borrow has ended.
        while unsafe { lock.release() }.is_err() {
            lock.take_pending();
            probe.touch();
            served += 1;
        }
        served
    }

    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let held = lock.lock();
        let vector = thread::spawn({
            let lock = lock.clone();
            move || match lock.enter(false, || ()) {
                Entry::Acquired(acquisition) => {
                    acquisition.end();
                    // SAFETY: as in `release`. Nobody else leaves anything pending.
                    assert!(unsafe { lock.release() }.is_ok());
                    0
                }
                Entry::Pending => 1,
            }
        });
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || {
                lock.lock().end();
                probe.touch();
                release(&lock, &probe)
            }
        });
        probe.touch();
        held.end();
        let served = release(&lock, &probe) + other.join().unwrap();
        assert_eq!(served, vector.join().unwrap());
        assert!(lock.try_acquire().is_some());
    });
}

/// The canary: with a lock that locks nothing, the models must fail. Through `lock_api` the data is in core's cell, which
/// loom can't see, so without the borrow in the guard's state they would not.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_lock_that_locks_nothing_is_found_out() {
    struct LocksNothing(Witness);

    // SAFETY: none: it is a lie, and that it is found out is the point. It never leaves this model.
    unsafe impl RawMutex for LocksNothing {
        const INIT: Self = panic!();
        type Guard = (Borrow, PhantomData<GuardNoSend>);

        fn lock(&self) -> Self::Guard {
            (self.0.borrow(), PhantomData)
        }

        fn try_lock(&self) -> Option<Self::Guard> {
            Some(self.lock())
        }

        unsafe fn unlock(&self, guard: Self::Guard) {
            drop(guard);
        }

        fn is_locked(&self) -> bool {
            false
        }
    }

    all(|| {
        let lock = Arc::new(Mutex::from_raw(LocksNothing(Witness::new()), 0));
        let other = thread::spawn({
            let lock = lock.clone();
            move || *lock.lock() += 1
        });
        *lock.lock() += 1;
        other.join().unwrap();
    });
}
