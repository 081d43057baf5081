use std::mem;
#[cfg(feature = "alloc")]
use std::sync::Arc;
use std::sync::mpsc;

#[cfg(feature = "alloc")]
use interrupt_lock::{Claim, Delivery, Error, NoWorkItem};
use interrupt_lock::{InterruptLock, Name};

use crate::machine::MASKED;

// Caught: a release that unmasks whatever its acquisition has found; one that never unmasks; an acquisition that keeps
// nothing of what it has found.
#[test]
fn l10_after_the_last_guard_the_mask_is_as_before_the_first() {
    let (a, b) = (InterruptLock::new(1), InterruptLock::new(2));
    for was_masked in [false, true] {
        for first_goes_first in [false, true] {
            MASKED.set(was_masked);
            let (first, second) = (a.acquire_interrupt_lock(), b.acquire_interrupt_lock());
            assert!(MASKED.get());
            if first_goes_first {
                drop(first);
                drop(second);
            } else {
                drop(second);
                assert!(MASKED.get());
                drop(first);
            }
            assert_eq!(MASKED.get(), was_masked);
        }
    }
    MASKED.set(false);
}

// Caught: no unmask after a failed attempt.
#[test]
fn l10_an_attempt_that_fails_leaves_the_mask_as_it_was() {
    let lock = InterruptLock::new(());
    std::thread::scope(|scope| {
        let (held, is_held) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let lock = &lock;
        scope.spawn(move || {
            let guard = lock.acquire_interrupt_lock();
            held.send(()).unwrap();
            let _ = is_done.recv();
            drop(guard);
        });
        is_held.recv().unwrap();
        // Another processor, unmasked: it is the word that excludes it.
        assert!(lock.try_acquire_interrupt_lock().is_none());
        assert!(!MASKED.get());
        drop(done);
        drop(lock.acquire_interrupt_lock());
        assert!(!MASKED.get());
    });
}

// Caught: exclusion by the mask alone (a release that clears the word of a forgotten guard's lock).
#[test]
fn l10_a_forgotten_guard_keeps_its_lock_and_no_other() {
    std::thread::spawn(|| {
        let lock: &'static InterruptLock<u32> = Box::leak(Box::new(InterruptLock::new(0)));
        let other = InterruptLock::new(0);
        mem::forget(lock.acquire_interrupt_lock());
        *other.acquire_interrupt_lock() += 1;
        assert_eq!(*other.acquire_interrupt_lock(), 1);
        assert!(lock.try_acquire_interrupt_lock().is_none());
        assert!(MASKED.get());
        std::thread::spawn(|| assert!(lock.try_acquire_interrupt_lock().is_none())).join().unwrap();
    })
    .join()
    .unwrap();
}

// Caught: no recursion check in acquire_slow (the test spins for ever).
#[test]
#[should_panic(expected = "uart0: this thread already holds the interrupt lock, acquired at tests/bare_metal/lock.rs")]
fn l4_a_processor_that_holds_the_lock_is_told_so() {
    let lock = InterruptLock::named(Name::new("uart0"), ());
    let _guard = lock.acquire_interrupt_lock();
    let _again = lock.acquire_interrupt_lock();
}

/// Held through one, it masks for all: the processor takes none of their vectors. Another processor's vector does not wait
/// for it; the release serves it.
// Caught: a release that serves only the interrupt whose guard it is.
#[cfg(feature = "alloc")]
#[test]
fn l9_a_shared_lock_masks_for_all_its_interrupts() -> Result<(), Error> {
    use interrupt_lock::Interrupt;

    let lock = Arc::new(InterruptLock::new(0));
    let build = || {
        Interrupt::<u32, NoWorkItem>::builder_sharing(&lock)
            .isr(|served| {
                **served += 1;
                Claim::Claimed
            })
            .build()
    };
    let (rx, tx) = (build()?, build()?);
    rx.enable()?;
    tx.enable()?;
    let held = rx.acquire_interrupt_lock();
    assert!(MASKED.get());
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| tx.service()).join().unwrap());
    assert_eq!((elsewhere, *held), (Delivery::Pending, 0));
    drop(held);
    assert!(!MASKED.get());
    assert_eq!(*lock.acquire_interrupt_lock(), 1);
    Ok(())
}
