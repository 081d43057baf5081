use std::cell::Cell;
use std::sync::mpsc;

use interrupt_lock::bare_metal::Cpu;
use interrupt_lock::{Claim, Delivery, Error, InterruptObject, Name, NoWorkItem, WithWorkItem, Work, WorkItemContext};

use crate::machine::{CPU, MASKED, NEXT, When, at_each_instant};
use crate::uart::{Object, uart};

/// The vector of the tests of B1: no mask stops it.
fn vector() {
    let masked = MASKED.get();
    let _ = B1.service();
    assert_eq!(MASKED.get(), masked, "the vector leaves the mask as it found it");
}

static B1: Object = uart();

/// Runs `operation`, which asserts `own` times itself, with the vector at each instant. Checks what must hold afterwards.
fn with_the_vector(own: u32, operation: impl Fn()) {
    let received = || {
        while B1.run_work_item() {}
        B1.acquire_interrupt_lock().received
    };
    let begun = received();
    let instants = at_each_instant(vector, || {
        operation();
        assert!(!MASKED.get(), "the mask is as it was before");
        let snapshot = B1.snapshot();
        assert_eq!((snapshot.owner, snapshot.pending, snapshot.left_to_owner), (None, 0, false));
        B1.enable().unwrap();
        assert_eq!(OTHER.service(), Delivery::Answered(Claim::Claimed), "no lock is held any more");
    });
    // One in each instant, and each is delivered once. (What comes while it is disabled is stale.)
    let stats = B1.stats();
    let asserted = u64::from(instants + own * (instants + 1));
    assert_eq!(u64::from(received() - begun) + stats.stale - STALE.replace(stats.stale), asserted);
    assert!(instants > 4);
}

thread_local! {
    static STALE: Cell<u64> = const { Cell::new(0) };
}

static OTHER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("other"), (), |_| Claim::Claimed);

// Caught: a release that looks before it frees; an acquisition that keeps what it has found before it has the lock; a
// release that unmasks only if nothing is announced.
#[test]
fn b1_a_vector_that_the_mask_does_not_stop_may_come_at_any_instant() -> Result<(), Error> {
    B1.enable()?;
    OTHER.enable()?;
    with_the_vector(0, || drop(B1.acquire_interrupt_lock()));
    with_the_vector(0, || drop(B1.try_acquire_interrupt_lock()));
    with_the_vector(1, || _ = B1.service());
    with_the_vector(0, || _ = B1.disable().unwrap());
    with_the_vector(0, || _ = B1.enable().unwrap());
    with_the_vector(0, || {
        B1.queue_work_item();
        let _ = B1.run_work_item();
    });
    with_the_vector(0, || {
        let first = B1.acquire_interrupt_lock();
        let second = OTHER.acquire_interrupt_lock();
        drop(first);
        drop(second);
    });
    // The driver opens the mask by hand, inside a section.
    with_the_vector(1, || {
        let section = B1.acquire_interrupt_lock();
        MASKED.set(false);
        vector();
        drop(section);
    });
    Ok(())
}

/// The task goes on on another processor.
fn migrate() {
    CPU.set(Box::leak(Box::new(Cpu::new())));
}

// Caught: the identity read before the mask; `is_this_thread` without a mask.
#[test]
fn b2_a_task_that_migrates_is_taken_for_nobody_else() -> Result<(), Error> {
    static OBJECT: Object = uart();
    OBJECT.enable()?;
    // It migrates before the mask of its acquisition: from there on it is the processor that it runs on.
    for instant in 0..4 {
        NEXT.set(Some((instant, When::Unmasked, Box::new(migrate))));
        let section = OBJECT.acquire_interrupt_lock();
        assert!(OBJECT.snapshot().owner.unwrap().is_caller);
        drop(section);
        NEXT.set(None);
    }

    // It waits for a task on another processor, and migrates to that one as soon as that task has released.
    for instant in 0..10 {
        let theirs: &'static Cpu = Box::leak(Box::new(Cpu::new()));
        let (taken, is_taken) = mpsc::channel();
        let (left, has_left) = mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            CPU.set(theirs);
            let section = OBJECT.acquire_interrupt_lock();
            taken.send(()).unwrap();
            let _ = has_left.recv();
            drop(section);
        });
        is_taken.recv().unwrap();
        let migrate_there = move || {
            drop(left);
            other.join().unwrap();
            CPU.set(theirs);
        };
        NEXT.set(Some((instant, When::Unmasked, Box::new(migrate_there))));
        drop(OBJECT.acquire_interrupt_lock());
        assert!(NEXT.take().is_none());
    }
    Ok(())
}

// Caught: the control lock masks for the whole transition.
#[test]
fn b4_a_transition_masks_for_its_own_steps_only() -> Result<(), Error> {
    fn work(_: &WorkItemContext<'_, ()>) -> Work {
        assert!(!MASKED.get(), "the work item may wait for an interrupt");
        Work::Done
    }
    static OBJECT: InterruptObject<(), WithWorkItem> =
        InterruptObject::with_work_item(Name::new("uart0"), (), |_| Claim::Claimed, work);
    OBJECT.enable()?;
    OBJECT.queue_work_item();
    OBJECT.disable()?;
    assert_eq!(OBJECT.stats().work_run, 1);
    Ok(())
}
