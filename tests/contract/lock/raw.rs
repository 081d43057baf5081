//! `RawInterruptLock` as any other mutex: what other mutex crates ask of theirs, through `lock_api`.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::RawInterruptLock;
use lock_api::RawMutex;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::{LONG, let_it_block, panic_message, receive, until, watchdog};

type Mutex<T> = lock_api::Mutex<RawInterruptLock, T>;

#[derive(Debug, PartialEq, Eq)]
struct NonCopy(i32);

#[test]
fn smoke() {
    let mutex = Mutex::new(());
    drop(mutex.lock());
    drop(mutex.lock());
}

#[test]
fn a_static() {
    static COUNT: Mutex<u32> = Mutex::new(0);
    *COUNT.lock() += 1;
    assert_eq!(*COUNT.lock(), 1);
}

#[test]
fn auto_traits() {
    assert_impl_all!(Mutex<Cell<i32>>: Send, Sync);
    assert_not_impl_any!(Mutex<std::rc::Rc<()>>: Send, Sync);
    assert_not_impl_any!(lock_api::MutexGuard<'static, RawInterruptLock, i32>: Send);
}

/// Many threads, a plain counter: no increment is lost.
#[test]
fn lots_and_lots() {
    const THREADS: u32 = 6;
    const EACH: u32 = 10_000;
    watchdog(|| {
        let mutex = Mutex::new(0u32);
        thread::scope(|scope| {
            for n in 0..THREADS {
                let mutex = &mutex;
                scope.spawn(move || {
                    for turn in 0..EACH {
                        match (n + turn) % 4 {
                            0 => *mutex.try_lock_for(LONG).unwrap() += 1,
                            1 => until(|| mutex.try_lock().map(|mut count| *count += 1).is_some()),
                            _ => *mutex.lock() += 1,
                        }
                    }
                });
            }
        });
        assert_eq!(*mutex.lock(), THREADS * EACH);
    });
}

/// Threads that really sleep: each section outlasts the spinning.
#[test]
fn lots_of_sleepers() {
    watchdog(|| {
        let mutex = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mut count = mutex.lock();
                        let before = *count;
                        thread::sleep(Duration::from_micros(100));
                        *count = before + 1;
                    }
                });
            }
        });
        assert_eq!(*mutex.lock(), 160);
    });
}

#[test]
fn try_lock() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    assert!(mutex.is_locked());
    thread::scope(|scope| {
        scope.spawn(|| assert!(mutex.try_lock().is_none()));
    });
    drop(guard);
    assert!(!mutex.is_locked());
    assert!(mutex.try_lock().is_some());
}

#[test]
fn into_inner_and_get_mut() {
    let mut mutex = Mutex::new(NonCopy(10));
    mutex.get_mut().0 = 20;
    assert_eq!(mutex.into_inner(), NonCopy(20));
}

#[test]
fn into_inner_drops_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let mutex = Mutex::new(Counted(drops.clone()));
    let inner = mutex.into_inner();
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(inner);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_condition_by_hand() {
    watchdog(|| {
        let mutex = Arc::new(Mutex::new(false));
        let theirs = mutex.clone();
        let other = thread::spawn(move || {
            until(|| *theirs.lock());
        });
        let_it_block();
        *mutex.lock() = true;
        other.join().unwrap();
    });
}

#[test]
fn arc_nested() {
    let inner = Arc::new(Mutex::new(1));
    let outer = Arc::new(Mutex::new(inner));
    let (sender, receiver) = channel();
    let theirs = outer.clone();
    thread::spawn(move || {
        let outer = theirs.lock();
        let inner = outer.lock();
        assert_eq!(*inner, 1);
        sender.send(()).unwrap();
    });
    receive(&receiver);
    assert_eq!(*outer.lock().lock(), 1);
}

/// A lock that is taken in a destructor which runs as a panic unwinds.
#[test]
fn arc_access_in_unwind() {
    struct Unwinder(Arc<Mutex<i32>>);
    impl Drop for Unwinder {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let mutex = Arc::new(Mutex::new(1));
    let theirs = mutex.clone();
    let said = panic_message(move || {
        let _unwinder = Unwinder(theirs);
        panic!("on purpose");
    });
    assert_eq!((said.as_str(), *mutex.lock()), ("on purpose", 2));
}

#[test]
fn unwinding_releases() {
    let mutex = Mutex::new(0);
    panic_message(|| {
        let _guard = mutex.lock();
        panic!("on purpose");
    });
    assert_eq!(mutex.try_lock().as_deref(), Some(&0));
}

#[test]
fn debug_never_waits() {
    let mutex = Mutex::new(vec![0u8, 10]);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: [0, 10] }");
    let _guard = mutex.lock();
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked> }");
    let raw = RawInterruptLock::INIT;
    assert!(format!("{raw:?}").contains("locked: false"));
}

#[test]
fn the_timed_forms() {
    watchdog(|| {
        let mutex = Mutex::new(0);
        let guard = mutex.lock();
        thread::scope(|scope| {
            scope.spawn(|| {
                let short = Duration::from_millis(2);
                assert!(mutex.try_lock_for(Duration::ZERO).is_none());
                assert!(mutex.try_lock_for(short).is_none());
                assert!(mutex.try_lock_until(Instant::now() + short).is_none());
                assert!(mutex.try_lock_until(Instant::now() - short).is_none());
            });
        });
        let waiter = thread::scope(|scope| {
            let waiter = scope.spawn(|| *mutex.try_lock_for(Duration::MAX).unwrap() += 1);
            let_it_block();
            drop(guard);
            waiter.join()
        });
        waiter.unwrap();
        *mutex.try_lock_for(Duration::ZERO).unwrap() += 1;
        *mutex.try_lock_until(Instant::now()).unwrap() += 1;
        assert_eq!(*mutex.lock(), 3);
    });
}

#[test]
fn mapped_guards() {
    let mutex = Mutex::new((1, 2));
    let mut second = lock_api::MutexGuard::map(mutex.lock(), |pair| &mut pair.1);
    *second += 1;
    assert!(mutex.try_lock().is_none());
    drop(second);
    assert_eq!(*mutex.lock(), (1, 3));
}

#[test]
fn unlocked_and_bumped() {
    watchdog(|| {
        let mutex = Mutex::new(0);
        let mut guard = mutex.lock();
        lock_api::MutexGuard::unlocked(&mut guard, || *mutex.lock() += 1);
        assert_eq!(*guard, 1);
        drop(guard);
        assert!(mutex.try_lock().is_some());
    });
}

/// The lock is plain data: it may be moved while it is free, and dropped while it is held.
#[test]
fn moved_and_dropped() {
    let mutex = Mutex::new(vec![1]);
    mutex.lock().push(2);
    let moved = Box::new(mutex);
    moved.lock().push(3);
    std::mem::forget(moved.lock());
    assert_eq!(moved.into_inner(), [1, 2, 3]);
}

/// Waiters come and go with their deadlines while others hold on: none is forgotten.
#[test]
fn deadlines_under_contention() {
    watchdog(|| {
        let mutex = Mutex::new(0u64);
        let had = AtomicUsize::new(0);
        thread::scope(|scope| {
            for n in 0..6u64 {
                let (mutex, had) = (&mutex, &had);
                scope.spawn(move || {
                    for turn in 0..400u64 {
                        let guard = match n {
                            0 | 1 => Some(mutex.lock()),
                            _ => mutex.try_lock_for(Duration::from_micros(turn % 50)),
                        };
                        if let Some(mut count) = guard {
                            *count += 1;
                            had.fetch_add(1, Ordering::Relaxed);
                            if turn % 16 == 0 {
                                thread::sleep(Duration::from_micros(50));
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(*mutex.lock(), had.load(Ordering::Relaxed) as u64);
    });
}
