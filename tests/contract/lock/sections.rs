//! Section L of the contract: what it means to hold the interrupt lock.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{mem, thread};

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt, InterruptLock, InterruptLockGuard, RawInterruptLock, State};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::slot::OnDrop;
use support::{Gate, let_it_block, step, watchdog};

// Caught: acquire_slow that gives an acquisition without waiting.
#[test]
fn l1_acquire_waits_for_the_holder() {
    let lock = Arc::new(InterruptLock::new(0));
    let (about_to, theirs) = (Gate::new(), lock.clone());
    let mut guard = lock.acquire_interrupt_lock();
    let other = thread::spawn({
        let about_to = about_to.clone();
        move || {
            about_to.open();
            *theirs.acquire_interrupt_lock()
        }
    });
    about_to.wait();
    let_it_block();
    *guard = 7;
    drop(guard);
    assert_eq!(watchdog(|| other.join().unwrap()), 7);
}

// Caught: a guard whose drop does not release.
#[test]
fn l1_dropping_the_guard_releases() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    for _ in 0..3 {
        let mut guard = interrupt.acquire_interrupt_lock();
        *guard += 1;
        drop(guard);
        assert!(interrupt.try_acquire_interrupt_lock().is_some());
    }
    assert_eq!(*interrupt.acquire_interrupt_lock(), 3);
}

// Caught: a guard whose drop does not release.
#[test]
fn l1_unwinding_releases_and_poisons_nothing() {
    let lock = InterruptLock::new(0);
    support::panic_message(|| {
        *lock.acquire_interrupt_lock() = 1;
        let _guard = lock.acquire_interrupt_lock();
        panic!("in the section");
    });
    assert_eq!(lock.try_acquire_interrupt_lock().as_deref(), Some(&1));
}

/// With many waiters and one release after the other, each waiter gets its turn.
// Caught: release_slow that wakes nobody.
#[test]
fn l1_no_waiter_is_forgotten() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0));
        let guard = lock.acquire_interrupt_lock();
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || *lock.acquire_interrupt_lock() += 1)
            })
            .collect();
        let_it_block();
        drop(guard);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(*lock.acquire_interrupt_lock(), 8);
    });
}

// Caught: try_acquire that waits as acquire does; try_acquire that always answers none.
#[test]
fn l2_try_acquire_never_waits() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(0));
        let theirs = lock.clone();
        let guard = lock.acquire_interrupt_lock();
        let other = thread::spawn(move || theirs.try_acquire_interrupt_lock().is_none());
        assert!(other.join().unwrap());
        drop(guard);
        assert!(lock.try_acquire_interrupt_lock().is_some());
    });
}

/// Data that notices two sections at once.
#[derive(Default)]
struct Alone(AtomicBool);

impl Alone {
    #[track_caller]
    fn section(&self) {
        assert!(!self.0.swap(true, Ordering::SeqCst), "two sections at once");
        step();
        self.0.store(false, Ordering::SeqCst);
    }
}

/// The ISR, the callbacks, closures and guards, all at once from several threads. A callback that finds another section
/// panics, which is a fault.
// Caught: acquire_slow that gives an acquisition without waiting; enter_slow that does.
#[test]
fn l3_every_kind_of_section_excludes_the_others() {
    watchdog(|| {
        let sections = Arc::new(AtomicUsize::new(0));
        let count = sections.clone();
        let interrupt = Interrupt::builder(Alone::default())
            .isr(move |cx| {
                cx.section();
                count.fetch_add(1, Ordering::Relaxed);
                Claim::Claimed
            })
            .on_enable(|data| data.section())
            .on_disable(|data| data.section())
            .build()
            .unwrap();
        let (done, interrupt) = (&AtomicUsize::new(0), &interrupt);
        thread::scope(|scope| {
            for kind in 0..4 {
                scope.spawn(move || {
                    let _done = OnDrop(|| _ = done.fetch_add(1, Ordering::SeqCst));
                    for _ in 0..500 {
                        match kind {
                            0 => interrupt.synchronize(|data| data.section()),
                            1 => interrupt.acquire_interrupt_lock().section(),
                            2 => {
                                interrupt.enable().unwrap();
                                interrupt.disable().unwrap();
                            }
                            _ => {
                                if let Some(data) = interrupt.try_acquire_interrupt_lock() {
                                    data.section();
                                }
                            }
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(move || {
                    while done.load(Ordering::SeqCst) != 4 {
                        interrupt.service();
                    }
                });
            }
        });
        assert!(interrupt.fault().is_none(), "{:?}", interrupt.fault());
        interrupt.enable().unwrap();
        interrupt.service();
        assert!(sections.load(Ordering::Relaxed) > 0);
    });
}

// Caught: the removal callback called with the lock released before it.
#[test]
fn l3_the_removal_callback_runs_under_the_lock() {
    let (source, device) = Software::edge();
    let slot = support::slot::Slot::new();
    let free = Arc::new(Mutex::new(None));
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .on_removal({
            let (slot, free) = (slot.clone(), free.clone());
            move |_| {
                let object: Arc<interrupt_lock::InterruptObject<_, _>> = slot.get();
                let had = thread::spawn(move || object.try_acquire_interrupt_lock().is_some());
                *free.lock().unwrap() = Some(had.join().unwrap());
            }
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    slot.set(&interrupt);
    interrupt.enable().unwrap();
    device.remove();
    interrupt.service();
    assert_eq!(*free.lock().unwrap(), Some(false));
}

// Caught: an Acquisition that may be sent.
#[test]
fn l5_a_guard_stays_on_its_thread() {
    assert_not_impl_any!(InterruptLockGuard<'static, ()>: Send);
    assert_not_impl_any!(lock_api::MutexGuard<'static, RawInterruptLock, ()>: Send);
    assert_impl_all!(InterruptLock<()>: Send, Sync);
    assert_impl_all!(Interrupt<(), interrupt_lock::NoWorkItem>: Send, Sync);
    assert_not_impl_any!(InterruptLock<std::rc::Rc<()>>: Sync);
}

// Caught: acquire_interrupt_lock that asserts the interrupt to be enabled.
#[test]
fn l6_the_lock_may_be_taken_in_every_state() {
    let interrupt = Interrupt::builder(0).isr(|_| panic!("on purpose")).on_enable(|n| *n += 1).build().unwrap();
    *interrupt.acquire_interrupt_lock() += 1;
    interrupt.enable().unwrap();
    *interrupt.acquire_interrupt_lock() += 1;
    interrupt.disable().unwrap();
    *interrupt.acquire_interrupt_lock() += 1;
    interrupt.enable().unwrap();
    interrupt.service();
    assert_eq!(interrupt.state(), State::Faulted);
    *interrupt.acquire_interrupt_lock() += 1;
    let object = interrupt.object().clone();
    drop(interrupt);
    assert_eq!(object.state(), State::Ended);
    assert_eq!(object.synchronize(|n| *n), 6);
}

// Caught: try_acquire that takes a held lock.
#[test]
fn l10_a_forgotten_guard_leaves_the_lock_held() {
    watchdog(|| {
        let mut lock = Arc::new(InterruptLock::new(vec![1]));
        mem::forget(lock.acquire_interrupt_lock());
        assert!(lock.try_acquire_interrupt_lock().is_none());
        let theirs = lock.clone();
        let there = thread::spawn(move || theirs.try_acquire_interrupt_lock().is_none());
        assert!(there.join().unwrap());
        assert!(format!("{lock:?}").contains("held"));
        // Exclusive access proves that nobody uses the data.
        Arc::get_mut(&mut lock).unwrap().get_mut().push(2);
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), [1, 2]);
    });
}

// Caught: try_acquire that takes a held lock.
#[test]
fn l10_guards_may_go_in_any_order() {
    let (a, b, c) = (InterruptLock::new(1), InterruptLock::new(2), InterruptLock::new(3));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let locks = [&a, &b, &c];
        let mut guards = locks.map(|lock| Some(lock.acquire_interrupt_lock()));
        for n in order {
            drop(guards[n].take());
            assert!(locks[n].try_acquire_interrupt_lock().is_some());
            for (lock, guard) in locks.iter().zip(&guards) {
                assert_eq!(lock.try_acquire_interrupt_lock().is_none(), guard.is_some());
            }
        }
    }
}

/// The handle's drop must not wait for a guard that this thread has forgotten, and must not free what it protects.
// Caught: an end that runs down at once although the lock is the caller's.
#[test]
fn l10_a_forgotten_guard_and_the_end() {
    watchdog(|| {
        let freed = Arc::new(());
        let owned = freed.clone();
        let interrupt = Interrupt::builder(5)
            .isr(move |_| {
                let _owned = &owned;
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let object = interrupt.object().clone();
        mem::forget(object.acquire_interrupt_lock());
        drop(interrupt);
        assert_eq!(Arc::strong_count(&freed), 2, "freed under a guard");
        assert!(object.enable().is_err());
    });
}

// Caught: synchronize that runs the closure after the guard is dropped.
#[test]
fn l11_synchronize_runs_under_the_lock_and_gives_the_value() {
    let lock = InterruptLock::new(41);
    let answer = lock.synchronize(|data| {
        assert!(lock.try_acquire_interrupt_lock().is_none());
        *data += 1;
        (*data).to_string()
    });
    assert_eq!(answer, "42");
    assert!(lock.try_acquire_interrupt_lock().is_some());

    let interrupt = Interrupt::builder(1).isr(|_| Claim::Claimed).build().unwrap();
    let answer = interrupt.synchronize(|data| {
        assert!(interrupt.try_acquire_interrupt_lock().is_none());
        mem::replace(data, 2)
    });
    assert_eq!((answer, *interrupt.acquire_interrupt_lock()), (1, 2));
}
