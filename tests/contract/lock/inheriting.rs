//! The raw lock with priority inheritance.

use std::cell::UnsafeCell;
use std::sync::{Arc, mpsc};
use std::thread;

use interrupt_lock::RawPiLock;
use lock_api::RawMutex;
use support::{asleep, panic_message, step, watchdog};

type Mutex<T> = lock_api::Mutex<RawPiLock, T>;

/// A value that only the lock protects.
struct Unprotected(UnsafeCell<u64>);

// SAFETY: every use is under the lock that the test is about.
unsafe impl Sync for Unprotected {}

// Caught: a lock that locks nothing; an unlock that leaves the word to nobody, or does not wake.
#[test]
fn sections_exclude_each_other() {
    const EACH: u64 = 20_000;
    watchdog(|| {
        let (lock, count) = (RawPiLock::new(), Unprotected(UnsafeCell::new(0)));
        let (lock, count) = (&lock, &count);
        thread::scope(|scope| {
            for n in 0..3 {
                scope.spawn(move || {
                    for _ in 0..EACH {
                        let guard = lock.lock();
                        // SAFETY: with the lock held.
                        unsafe {
                            let before = count.0.get().read_volatile();
                            if n == 0 {
                                step();
                            }
                            count.0.get().write_volatile(before + 1);
                            lock.unlock(guard);
                        }
                    }
                });
            }
        });
        // SAFETY: the threads have ended.
        assert_eq!(unsafe { count.0.get().read() }, 3 * EACH);
        assert!(!lock.is_locked());
    });
}

// Caught: a try that takes what is held.
#[test]
fn a_held_lock_is_not_had_by_trying() {
    let lock = Mutex::new(0);
    let guard = lock.lock();
    assert!(lock.is_locked());
    assert!(lock.try_lock().is_none());
    thread::scope(|scope| assert!(scope.spawn(|| lock.try_lock().is_none()).join().unwrap()));
    drop(guard);
    *lock.try_lock().unwrap() = 1;
    assert_eq!(lock.into_inner(), 1);
}

/// A wait that would never end panics.
// Caught: an error of the kernel that is taken for another try.
#[test]
fn what_would_never_end_panics() {
    watchdog(|| {
        let lock = Mutex::new(());
        let guard = lock.lock();
        assert!(panic_message(|| lock.lock()).contains("holds the lock already"));
        drop(guard);
        thread::scope(|scope| {
            scope.spawn(|| std::mem::forget(lock.lock()));
        });
        assert!(panic_message(|| lock.lock()).contains("has ended"));
    });
}

/// If the owner's thread ends, the kernel gives the lock to a waiter. But the owner may have leaked its guard, with a
/// reference to the data that is still in use.
// Caught: a lock that is had from a thread that has ended.
#[test]
fn what_an_ended_thread_held_is_given_to_no_waiter() {
    watchdog(|| {
        let lock = Arc::new(Mutex::new(()));
        let (tell, told) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let held = lock.clone();
        let holder = thread::spawn(move || {
            std::mem::forget(held.lock());
            tell.send(()).unwrap();
            wait.recv().unwrap();
        });
        told.recv().unwrap();
        let theirs = lock.clone();
        let waiter = asleep("waiter", move || {
            let said = panic_message(|| theirs.lock());
            (said, panic_message(|| theirs.lock()), theirs.try_lock().is_none())
        });
        go.send(()).unwrap();
        holder.join().unwrap();
        let (first, again, refused) = waiter.join().unwrap();
        assert!(first.contains("has ended") && again.contains("has ended"), "{first}, {again}");
        assert!(refused && lock.try_lock().is_none());
        assert!(panic_message(|| lock.lock()).contains("has ended"));
    });
}

/// A nice thread holds the lock. As soon as a thread waits that is not nice, the owner runs with that thread's
/// priority. (Unlike real-time priorities, this needs no rights.)
// Caught: a waiter that the kernel does not know of (one that sleeps by other means).
#[test]
fn the_holder_inherits_the_waiters_priority() {
    if !support::has_proc() {
        return;
    }
    const NICE: i32 = 15;
    watchdog(|| {
        let lock = Arc::new(Mutex::new(()));
        let (tell, told) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let held = lock.clone();
        let holder = thread::spawn(move || {
            let before = rustix::process::nice(NICE).unwrap();
            let guard = held.lock();
            tell.send((rustix::thread::gettid(), before)).unwrap();
            wait.recv().unwrap();
            drop(guard);
        });
        let (thread, nice) = told.recv().unwrap();
        // Where all of this runs as nicely as can be, there is nothing to inherit.
        assert!(nice <= 19);
        let own = priority_of(rustix::thread::gettid());
        let alone = priority_of(thread);
        assert!(alone > own || nice == 19, "{alone}, {own}");
        let theirs = lock.clone();
        let waiter = asleep("waiter", move || drop(theirs.lock()));
        assert_eq!(priority_of(thread), own);
        go.send(()).unwrap();
        holder.join().unwrap();
        waiter.join().unwrap();
    });
}

/// The priority by which the kernel schedules the thread. A lower number is more urgent.
fn priority_of(thread: rustix::thread::Pid) -> i64 {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    // Behind the name, which is in brackets: the state, and so on; the priority is the 18th field of all.
    let fields = stat.rsplit(')').next().unwrap();
    fields.split_whitespace().nth(15).unwrap().parse().unwrap()
}
