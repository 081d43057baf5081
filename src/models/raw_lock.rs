//! The raw lock: exclusion, wake-ups, time-outs, recursion, turns, and what is left to the owner.

use alloc::sync::Arc;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use lock_api::{GuardNoSend, Mutex, RawMutex};
use loom::thread;

use crate::lock::raw::{Admission, NotAcquired, RawInterruptLock};
use crate::lock::waits::Label;
use crate::models::{Probe, all, bounded};
use crate::sync::{Borrow, Instant, Witness, where_exchanges_fence};

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

/// No wake-up is lost: three threads that wait for one another all get the lock.
// Caught: parked-forgotten, unlock-forgets-to-wake, parked-cleared-too-early, validate-skipped,
// release-without-barrier, park-without-barrier, validate-ignores-parked.
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

/// A waiter whose time runs out takes no wake-up from another waiter. A timed waiter that is woken tries again.
// Caught: timed-out-clears-parked, woken-gives-up.
#[test]
fn a_timed_waiter_takes_no_wake_up_away() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let held = lock.lock();
        let timed = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || match lock.acquire(Some(Instant::now()), Label::UNNAMED) {
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
        // For a timed waiter that has queued after the first call.
        lock.expire_waiters();
        timed.join().unwrap();
        patient.join().unwrap();
        assert!(!lock.is_locked());
        assert!(!alloc::format!("{lock:?}").contains("waiters: true"), "{lock:?}");
    });
}

/// The last waiter that gives up clears `PARKED`, so that later releases are cheap again.
// Caught: timed-out-leaves-parked.
#[test]
fn a_timed_waiter_leaves_no_trace() {
    all(|| {
        let lock = lock();
        let held = lock.lock();
        let timed = thread::spawn({
            let lock = lock.clone();
            move || match lock.acquire(Some(Instant::now()), Label::UNNAMED) {
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

/// A thread that acquires a lock which it holds is told so, whatever other threads do.
// Caught: recursion-unnoticed.
#[test]
fn recursion_is_noticed() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || section(&lock, &probe)
        });
        let held = lock.lock();
        assert!(matches!(lock.acquire(None, Label::UNNAMED), Err(NotAcquired::Recursive(_))));
        assert!(lock.try_acquire().is_err());
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        other.join().unwrap();
    });
}

/// Trying takes a free lock, never a held one.
// Caught: take-ignores-owner.
#[test]
fn trying_excludes_too() {
    all(|| {
        let (lock, probe) = (lock(), Probe::new());
        let try_section = |lock: &RawInterruptLock, probe: &Probe| {
            if let Ok(acquisition) = lock.try_acquire() {
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
        assert!(lock.try_acquire().is_ok());
    });
}

/// Takes the lock as an interrupt does. Returns how often it served something that was left to the owner.
fn acquire_serving(lock: &RawInterruptLock, serve: impl Fn()) -> usize {
    let mut served = 0;
    loop {
        match lock.acquire(None, Label::UNNAMED) {
            Ok(acquisition) => {
                acquisition.end();
                return served;
            }
            Err(refused) => assert!(matches!(refused, NotAcquired::ServeFirst)),
        }
        served += serve_left(lock, &serve) + release_serving(lock, &serve);
    }
}

/// Releases the lock as an interrupt's guard does. The caller holds the lock, without a borrow. Returns how often it
/// served.
fn release_serving(lock: &RawInterruptLock, serve: impl Fn()) -> usize {
    let mut served = 0;
    // SAFETY: the caller's own acquisition; its borrow has ended.
    while unsafe { lock.release() }.is_err() {
        served += serve_left(lock, &serve);
    }
    served
}

fn serve_left(lock: &RawInterruptLock, serve: impl Fn()) -> usize {
    let has_left = lock.take_left();
    if has_left {
        serve();
    }
    usize::from(has_left)
}

/// A delivery that must not wait. Returns whether it was left to the owner, and how often it served something that was
/// left.
fn vector(lock: &RawInterruptLock, before_leaving: impl FnOnce(), serve: impl Fn()) -> (bool, usize) {
    let mut left = false;
    let admission = lock.deliver(false, || {
        before_leaving();
        left = true;
    });
    match admission {
        Admission::Acquired(acquisition) => {
            acquisition.end();
            (left, release_serving(lock, serve))
        }
        Admission::LeftToOwner => (left, 0),
    }
}

/// The owner serves a delivery that must not wait, exactly once, and sees what was done before it was left.
// Caught: note-left-release, take-left-acquire, release-ignores-left, note-left-without-barrier, left-on-a-free-lock.
#[test]
fn what_is_left_pending_is_served() {
    all(|| {
        let (lock, probe) = (lock(), Probe::new());
        let delivery = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || {
                let touch = || {
                    probe.touch();
                };
                vector(&lock, touch, touch)
            }
        });
        let serve = || assert_eq!(probe.touch(), 1);
        let served = acquire_serving(&lock, serve) + release_serving(&lock, serve);
        let (left, by_itself) = delivery.join().unwrap();
        assert_eq!(served + by_itself, usize::from(left));
    });
}

/// A release finds something left to the owner. Before it takes the lock back, another thread may have held the lock.
/// One of the two serves what was left, exactly once, and both exclude each other.
// Caught: take-back-acquire, take-back-ignores-owner, take-ignores-left.
#[test]
fn a_lock_taken_back_is_a_section_like_any_other() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        let touch = |probe: &Probe| {
            probe.touch();
        };
        acquire_serving(&lock, || ());
        let delivery = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || vector(&lock, || (), || touch(&probe))
        });
        let other = thread::spawn({
            let (lock, probe) = (lock.clone(), probe.clone());
            move || {
                let served = acquire_serving(&lock, || touch(&probe));
                touch(&probe);
                served + release_serving(&lock, || touch(&probe))
            }
        });
        touch(&probe);
        let served = release_serving(&lock, || touch(&probe)) + other.join().unwrap();
        let (left, by_itself) = delivery.join().unwrap();
        assert_eq!(served + by_itself, usize::from(left));
        assert!(lock.try_acquire().is_ok());
    });
}

/// A delivery that has drawn its ticket waits for at most the section that runs at that moment (rule L7).
// Caught: take-ignores-deliveries, arrival-without-barrier, take-without-barrier.
#[test]
fn l7_one_section_at_most_precedes_a_delivery() {
    bounded(|| {
        let (lock, probe) = (lock(), Probe::new());
        // Not loom's atomic: it counts in the order in which the model runs.
        let ended = Arc::new(AtomicUsize::new(0));
        let section = {
            let (lock, probe, ended) = (lock.clone(), probe.clone(), ended.clone());
            move || {
                let acquisition = lock.lock();
                probe.touch();
                ended.fetch_add(1, Relaxed);
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
            }
        };
        let delivery = thread::spawn({
            let (lock, probe, ended) = (lock.clone(), probe.clone(), ended.clone());
            move || {
                let ticket = lock.arrive();
                let before = ended.load(Relaxed);
                let acquisition = lock.deliver_in_turn(ticket);
                let passed = ended.load(Relaxed) - before;
                assert!(passed <= 1, "{passed} sections passed a delivery");
                probe.touch();
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
            }
        });
        let other = thread::spawn(section.clone());
        section();
        other.join().unwrap();
        delivery.join().unwrap();
        assert_eq!(probe.touch(), 3);
    });
}

/// A delivery that sleeps is woken, even on a machine where its arrival is no barrier to the release.
// Caught: delivery-parks-without-barrier.
#[test]
fn a_delivery_that_sleeps_is_woken() {
    where_exchanges_fence(|| {
        all(|| {
            let lock = lock();
            let held = lock.lock();
            let delivery = thread::spawn({
                let lock = lock.clone();
                move || {
                    let Admission::Acquired(acquisition) = lock.deliver(true, || ()) else { unreachable!() };
                    // SAFETY: this section's own acquisition.
                    unsafe { lock.unlock(acquisition) };
                }
            });
            // SAFETY: the acquisition above.
            unsafe { lock.unlock(held) };
            delivery.join().unwrap();
        });
    });
}

/// A thread that has seen a delivery wait comes after it (rule L7), even if it only tries.
// Caught: take-ignores-deliveries, step-aside-forgets-to-wake.
#[test]
fn l7_who_comes_later_waits() {
    bounded(|| {
        let (lock, served) = (lock(), Arc::new(AtomicUsize::new(0)));
        let held = lock.lock();
        let delivery = thread::spawn({
            let (lock, served) = (lock.clone(), served.clone());
            move || {
                let Admission::Acquired(acquisition) = lock.deliver(true, || ()) else { unreachable!() };
                served.store(1, Relaxed);
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
            }
        });
        let later = thread::spawn({
            let (lock, served) = (lock.clone(), served.clone());
            move || {
                let seen = lock.delivery_waits();
                if let Ok(acquisition) = lock.try_acquire() {
                    assert!(!seen || served.load(Relaxed) == 1, "a thread that tried passed a delivery");
                    // SAFETY: this section's own acquisition.
                    unsafe { lock.unlock(acquisition) };
                }
                let seen = lock.delivery_waits();
                let acquisition = lock.lock();
                assert!(!seen || served.load(Relaxed) == 1, "a thread passed a delivery");
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
            }
        });
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        delivery.join().unwrap();
        later.join().unwrap();
    });
}

/// Deliveries that wait are served in the order in which they came (rule L7), and each wakes the next.
// Caught: turn-ignored, leave-forgotten, release-forgets-deliveries, wakes-any-delivery.
#[test]
fn l7_deliveries_are_served_in_order() {
    bounded(|| {
        let (lock, order) = (lock(), Probe::new());
        let held = lock.lock();
        let deliveries = [(); 2].map(|()| {
            let (lock, order) = (lock.clone(), order.clone());
            thread::spawn(move || {
                let ticket = lock.arrive();
                let acquisition = lock.deliver_in_turn(ticket);
                let place = order.touch();
                // SAFETY: this section's own acquisition.
                unsafe { lock.unlock(acquisition) };
                (ticket, place)
            })
        });
        // SAFETY: the acquisition above.
        unsafe { lock.unlock(held) };
        let [first, second] = deliveries.map(|delivery| delivery.join().unwrap());
        // If no delivery waits any more, the tickets start again from zero.
        assert!(first.0 == second.0 || first.0.comes_before(second.0) == (first.1 < second.1), "{first:?} {second:?}");
        assert!(!alloc::format!("{lock:?}").contains("deliveries: true"), "{lock:?}");
    });
}

/// What is left to the owner comes before the section of the thread that takes the lock next (rule L7).
// Caught: take-ignores-left.
#[test]
fn l7_what_is_pending_precedes_a_thread() {
    bounded(|| {
        let (lock, served) = (lock(), Arc::new(AtomicUsize::new(0)));
        acquire_serving(&lock, || ());
        let later = thread::spawn({
            let (lock, served) = (lock.clone(), served.clone());
            move || {
                let serve = || served.store(1, Relaxed);
                let seen = lock.has_left();
                acquire_serving(&lock, serve);
                assert!(!seen || served.load(Relaxed) == 1, "a thread passed what was pending");
                release_serving(&lock, serve);
            }
        });
        assert!(matches!(lock.deliver(true, || ()), Admission::LeftToOwner));
        release_serving(&lock, || served.store(1, Relaxed));
        later.join().unwrap();
        assert_eq!(served.load(Relaxed), 1);
    });
}

/// The canary: the models must fail with a lock that locks nothing. `lock_api` keeps the data in core's cell, which
/// loom can't see. Loom sees only the borrow in the guard's state.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_lock_that_locks_nothing_is_found_out() {
    struct LocksNothing(Witness);

    // SAFETY: none. This lock is unsound on purpose, and the model shows that loom notices. It never leaves this model.
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
