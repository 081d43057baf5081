//! A lock shared by several interrupts (L9): a release serves what was left to the owner for any of them, and ends
//! them.

use alloc::sync::Arc;

use loom::thread;

use crate::answer::{Delivery, NoWorkItem, State};
use crate::claim::Claim;
use crate::interrupt::Interrupt;
use crate::lock::InterruptLock;
use crate::models::{Probe, bounded};

fn member(lock: &Arc<InterruptLock<u32>>, probe: &Arc<Probe>) -> Interrupt<u32, NoWorkItem> {
    let probe = probe.clone();
    let interrupt = Interrupt::builder_sharing(lock)
        .isr(move |served| {
            probe.touch();
            **served += 1;
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// A thread holds the lock for one interrupt and delivers the other, while a second thread comes for the lock. That
/// delivery is served once, by a release.
// Caught: a-release-serves-its-own-alone.
#[test]
fn a_release_serves_the_others() {
    bounded(|| {
        let (lock, probe) = (Arc::new(InterruptLock::new(0)), Probe::new());
        let (rx, tx) = (member(&lock, &probe), member(&lock, &probe));
        let other = thread::spawn({
            let lock = lock.clone();
            move || lock.synchronize(|served| *served)
        });
        let held = rx.acquire_interrupt_lock();
        let before = *held;
        assert_eq!(tx.service(), Delivery::Pending);
        drop(held);
        assert_eq!(before, 0);
        assert_eq!(lock.synchronize(|served| *served), 1);
        let seen = other.join().unwrap();
        assert!(seen <= 1);
    });
}

/// A thread that holds the lock drops an interrupt, while a second thread comes for the lock. The interrupt ends, once,
/// and the lock keeps it no longer.
// Caught: a-release-ends-its-own-alone.
#[test]
fn a_release_ends_the_others() {
    bounded(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let build = || Interrupt::<(), NoWorkItem>::builder_sharing(&lock).isr(|_| Claim::Claimed).build().unwrap();
        let (rx, tx) = (build(), build());
        let object = Arc::downgrade(tx.object());
        let other = thread::spawn({
            let lock = lock.clone();
            move || drop(lock.acquire_interrupt_lock())
        });
        let held = rx.acquire_interrupt_lock();
        drop(tx);
        assert_eq!(object.upgrade().unwrap().state(), State::Disabled);
        drop(held);
        other.join().unwrap();
        assert!(object.upgrade().is_none());
    });
}
