//! Rule L8: acquisition with a time-out and with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{Claim, ErrorKind, Interrupt, InterruptLock, Name};
use support::{Gate, LONG, let_it_block, until, watchdog};

// Caught: park without the deadline; a time-out that gives an acquisition.
#[test]
fn l8_time_runs_out() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::named(Name::new("uart2"), 0));
        let _guard = lock.acquire_interrupt_lock();
        let theirs = lock.clone();
        thread::spawn(move || {
            let short = Duration::from_millis(5);
            for refused in [
                theirs.try_acquire_interrupt_lock_for(Duration::ZERO),
                theirs.try_acquire_interrupt_lock_for(short),
                theirs.try_acquire_interrupt_lock_until(Instant::now() + short),
                theirs.try_acquire_interrupt_lock_until(Instant::now() - short),
            ] {
                let refused = refused.unwrap_err();
                assert!(matches!(refused.kind(), ErrorKind::TimedOut));
                assert_eq!(refused.name().as_str(), "uart2");
            }
        })
        .join()
        .unwrap();
    });
}

// Caught: a free lock refused once the deadline has passed (checked before the first try).
#[test]
fn l8_a_free_lock_is_had_whatever_the_time() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    *interrupt.try_acquire_interrupt_lock_for(Duration::ZERO).unwrap() += 1;
    *interrupt.try_acquire_interrupt_lock_for(Duration::MAX).unwrap() += 1;
    *interrupt.try_acquire_interrupt_lock_until(Instant::now() - Duration::from_millis(1)).unwrap() += 1;
    assert_eq!(*interrupt.acquire_interrupt_lock(), 3);
}

// Caught: release_slow that wakes nobody.
#[test]
fn l8_a_release_in_time_is_noticed() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0));
        let started = Gate::new();
        let guard = lock.acquire_interrupt_lock();
        let waiter = thread::spawn({
            let (lock, started) = (lock.clone(), started.clone());
            move || {
                started.open();
                *lock.try_acquire_interrupt_lock_for(LONG * 10).unwrap() += 1;
            }
        });
        started.wait();
        let_it_block();
        drop(guard);
        waiter.join().unwrap();
        assert_eq!(*lock.acquire_interrupt_lock(), 1);
    });
}

/// A waiter that gives up takes no wake-up with it: the waiters without a deadline all get their turn. The release
/// comes as near to the deadlines as the clock allows.
// Caught: a waiter that is woken after its time and gives up without trying.
#[test]
fn l8_no_wake_up_is_lost_to_one_that_gives_up() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let turns = Arc::new(AtomicUsize::new(0));
        for round in 0..300u32 {
            let guard = lock.acquire_interrupt_lock();
            let started = Arc::new(AtomicUsize::new(0));
            let deadline = Instant::now() + Duration::from_micros(300 + u64::from(round));
            let timed: Vec<_> = (0..2)
                .map(|_| {
                    let (lock, started) = (lock.clone(), started.clone());
                    thread::spawn(move || {
                        started.fetch_add(1, Ordering::SeqCst);
                        drop(lock.try_acquire_interrupt_lock_until(deadline));
                    })
                })
                .collect();
            until(|| started.load(Ordering::SeqCst) == 2);
            let patient = thread::spawn({
                let (lock, turns) = (lock.clone(), turns.clone());
                move || {
                    let _guard = lock.acquire_interrupt_lock();
                    turns.fetch_add(1, Ordering::SeqCst);
                }
            });
            while Instant::now() < deadline {
                std::hint::spin_loop();
            }
            drop(guard);
            // Nobody else takes the lock from here on, so nobody's release makes up for a wake-up that was lost.
            patient.join().unwrap();
            timed.into_iter().for_each(|waiter| waiter.join().unwrap());
        }
        assert_eq!(turns.load(Ordering::SeqCst), 300);
    });
}
