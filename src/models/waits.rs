//! The register of waits: no circle is missed, and none is invented (L13).
//!
//! Where a circle is missed, its threads sleep for ever, which loom reports as a deadlock.

use alloc::sync::Arc;
use alloc::vec::Vec;

use loom::sync::atomic::{AtomicUsize as Told, Ordering::SeqCst};
use loom::thread;

use crate::circle::Circle;
use crate::lock::raw::{NotAcquired, RawInterruptLock};
use crate::lock::waits::{self, Awaited, CallOff, Flag, Label};
use crate::models::bounded;
use crate::sync::{
    self, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
    Parker, with_registered_waits,
};

/// A lock as small as can be: its acquisition ends only with the lock.
struct Part {
    owner: AtomicUsize,
    parker: Parker,
}

impl Part {
    fn new() -> Self {
        Self { owner: AtomicUsize::new(0), parker: Parker::new() }
    }

    fn acquire(&self) -> Result<(), Circle> {
        let take = || self.owner.compare_exchange(0, sync::this_thread(), Acquire, Relaxed).is_ok();
        if take() {
            return Ok(());
        }
        let part = Awaited { owner: &self.owner, taken_at: None, label: Label::UNNAMED };
        waits::through(part, || {
            while !take() {
                self.parker.park(&self.owner, 0, || self.is_owned(), |_| {}, None);
            }
        })
    }

    fn release(&self) {
        self.owner.store(0, Release);
        self.parker.wake_all(&self.owner);
    }

    fn is_owned(&self) -> bool {
        self.owner.load(Relaxed) != 0
    }
}

/// Each thread acquires a part, and then the next one. `closed` says whether the last thread's next part is the first's.
/// Returns how many threads were told of a circle.
fn chain(threads: usize, closed: bool) -> usize {
    let parts: Arc<Vec<Part>> = Arc::new((0..threads + usize::from(!closed)).map(|_| Part::new()).collect());
    let told = Arc::new(Told::new(0));
    let run = {
        let (parts, told) = (parts.clone(), told.clone());
        move |number: usize| {
            let (own, next) = (&parts[number], &parts[(number + 1) % parts.len()]);
            own.acquire().expect("this thread owns nothing, so it closes no circle");
            match next.acquire() {
                Ok(()) => next.release(),
                Err(_) => {
                    // In a circle that is one, each part is owned until this thread gives its own up.
                    assert!(parts.iter().all(Part::is_owned), "an invented circle");
                    told.fetch_add(1, SeqCst);
                }
            }
            own.release();
        }
    };
    let others: Vec<_> = (1..threads)
        .map(|number| {
            let run = run.clone();
            thread::spawn(move || run(number))
        })
        .collect();
    run(0);
    others.into_iter().for_each(|other| other.join().unwrap());
    told.load(SeqCst)
}

// Caught: waits-walk-before-registering, waits-register-nothing.
#[test]
fn a_ring_of_two_is_told_once() {
    with_registered_waits(|| bounded(|| assert!(chain(2, true) <= 1)));
}

// Caught: waits-walk-two-steps.
#[test]
fn a_ring_of_three_is_told_once() {
    with_registered_waits(|| bounded(|| assert!(chain(3, true) <= 1)));
}

// Caught: waits-take-a-chain-for-a-circle.
#[test]
fn a_chain_is_no_circle() {
    with_registered_waits(|| bounded(|| assert_eq!(chain(3, false), 0)));
}

fn both(first: &RawInterruptLock, second: &RawInterruptLock) -> bool {
    let release = |lock: &RawInterruptLock| {
        // SAFETY: this thread holds the lock, and its acquisition has ended.
        while unsafe { lock.release() }.is_err() {}
    };
    let acquire = |lock: &RawInterruptLock| match lock.acquire(None, Label::UNNAMED) {
        Ok(acquisition) => {
            acquisition.end();
            true
        }
        Err(NotAcquired::Circle(_)) => false,
        Err(other) => panic!("{other:?}"),
    };
    assert!(acquire(first), "this thread holds nothing, so it closes no circle");
    let got = acquire(second);
    if got {
        release(second);
    }
    release(first);
    got
}

/// Two locks in two orders: one thread at most is told, and the other gets both.
// Caught: waits-register-nothing, acquire-waits-unregistered.
#[test]
fn two_locks_in_two_orders_do_not_hang() {
    with_registered_waits(|| {
        bounded(|| {
            let locks = Arc::new([RawInterruptLock::new(), RawInterruptLock::new()]);
            let other = thread::spawn({
                let locks = locks.clone();
                move || both(&locks[1], &locks[0])
            });
            let mine = both(&locks[0], &locks[1]);
            assert!(other.join().unwrap() || mine);
        });
    });
}

/// Two locks in one order: nobody is told.
// Caught: waits-take-a-chain-for-a-circle.
#[test]
fn two_locks_in_one_order_are_no_circle() {
    with_registered_waits(|| {
        bounded(|| {
            let locks = Arc::new([RawInterruptLock::new(), RawInterruptLock::new()]);
            let other = thread::spawn({
                let locks = locks.clone();
                move || both(&locks[0], &locks[1])
            });
            assert!(both(&locks[0], &locks[1]));
            assert!(other.join().unwrap());
        });
    });
}

/// A thread joins another, which waits for what the first owns. The join is called off, and nobody is refused.
// Caught: waits-not-called-off.
#[test]
fn a_join_in_a_circle_is_called_off() {
    with_registered_waits(|| {
        bounded(|| {
            let (part, life) = (Arc::new(Part::new()), Arc::new(Part::new()));
            life.owner.store(1, Relaxed); // not born yet
            part.acquire().unwrap();
            let other = thread::spawn({
                let (part, life) = (part.clone(), life.clone());
                move || {
                    life.owner.store(sync::this_thread(), Relaxed);
                    part.acquire().expect("a join refuses nobody");
                    part.release();
                    life.release();
                }
            });
            let called_off = Flag::new();
            let may_sleep = || life.is_owned() && !called_off.is_set();
            let thread = Awaited { owner: &life.owner, taken_at: None, label: Label::UNNAMED };
            let call_off = CallOff { flag: &called_off, parker: &life.parker, word: &life.owner };
            // An error is a join that closes the circle itself: it does not wait.
            let _ = waits::through_soft(thread, Some(call_off), || {
                while may_sleep() {
                    life.parker.park(&life.owner, 0, may_sleep, |_| {}, None);
                }
            });
            part.release();
            other.join().unwrap();
        });
    });
}
