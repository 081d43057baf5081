use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use interrupt_lock::{Delivery, Transition};

use crate::rig::{enabled, is_masked, mask_by_hand, rig};

// Caught: a lock that is taken although it is held; a try that leaves the mask on where the driver has opened it.
#[test]
fn l4_a_lock_that_is_held_is_refused_at_once() {
    let (_, object) = rig();
    let guard = object.acquire_interrupt_lock();
    assert!(object.try_acquire_interrupt_lock().is_none());
    assert!(is_masked(), "the guard still masks");
    mask_by_hand(false);
    assert!(object.try_acquire_interrupt_lock().is_none());
    assert!(!is_masked());
    let said = catch_unwind(AssertUnwindSafe(|| drop(object.acquire_interrupt_lock()))).unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert_eq!(said, "uart0: this code holds the interrupt lock, or interrupts code that does");
    drop(guard);
    assert!(!is_masked());
    assert!(object.try_acquire_interrupt_lock().is_some());
    assert!(!is_masked());
}

// Caught: no mask; a mask that stays on.
#[test]
fn l1_a_section_masks_and_its_end_restores() {
    let (_, object) = rig();
    let mut guard = object.acquire_interrupt_lock();
    assert!(is_masked());
    *guard += 1;
    drop(guard);
    assert!(!is_masked());
    assert_eq!(object.synchronize(|runs| (*runs, is_masked())), (1, true));
    assert!(!is_masked());
}

// Caught: a restore that masks what was found masked.
#[test]
fn l10_guards_that_are_dropped_in_any_order_restore_the_mask() {
    let ((_, a), (_, b)) = (rig(), rig());
    let (first, second) = (a.acquire_interrupt_lock(), b.acquire_interrupt_lock());
    drop(first);
    drop(second);
    assert!(!is_masked());

    // Masked before the first, so masked after the last.
    mask_by_hand(true);
    let (first, second) = (a.acquire_interrupt_lock(), b.acquire_interrupt_lock());
    drop(first);
    drop(second);
    assert!(is_masked());
    mask_by_hand(false);

    // Opened by hand inside a section.
    let first = a.acquire_interrupt_lock();
    mask_by_hand(false);
    let second = b.acquire_interrupt_lock();
    drop(second);
    assert!(!is_masked());
    drop(first);
    assert!(!is_masked());
}

// Caught: a release that frees the lock of a forgotten guard.
#[test]
fn l10_a_forgotten_guard_keeps_its_lock_and_no_other() {
    let ((_, object), (_, other)) = (enabled(), rig());
    mem::forget(object.acquire_interrupt_lock());
    *other.acquire_interrupt_lock() += 1;
    assert_eq!(*other.acquire_interrupt_lock(), 1);
    assert!(object.try_acquire_interrupt_lock().is_none());
    assert_eq!(object.service(), Delivery::Pending);
    mask_by_hand(false);
}

// Caught: a section that unwinds and keeps the lock, or the mask.
#[test]
fn l1_a_section_that_unwinds_releases() {
    let (_, object) = rig();
    let section = || object.synchronize(|_| std::panic::resume_unwind(Box::new(())));
    assert!(catch_unwind(AssertUnwindSafe(section)).is_err());
    assert!(!is_masked());
    assert_eq!(*object.acquire_interrupt_lock(), 0);
}

// Caught: a lock that an enable takes for good.
#[test]
fn l6_before_the_first_enable_and_after_a_disable() {
    let (_, object) = rig();
    *object.acquire_interrupt_lock() = 7;
    assert_eq!(object.enable(), Ok(Transition::Done));
    assert_eq!(object.disable(), Ok(Transition::Done));
    assert_eq!(*object.acquire_interrupt_lock(), 7);
}
