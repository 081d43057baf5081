//! A listener that meets deliveries, another listener, and the end (A1 to A4).

use alloc::sync::Arc;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::task::Wake;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::answer::NoWorkItem;
use crate::claim::Claim;
use crate::error::ErrorKind;
use crate::interrupt::Interrupt;
use crate::models::{Shared, bounded};

/// Wakes a thread through a flag of its own: loom's `unpark` would also end a `join`.
#[derive(Default)]
struct WakeFlag {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// An executor on one thread. If nothing wakes it, loom reports a deadlock.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let flag = Arc::new(WakeFlag::default());
    let waker = Waker::from(flag.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut woken = flag.woken.lock().unwrap();
        while !*woken {
            woken = flag.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// Beyond the clock's range. Loom has no clock, so a model in which only time goes on is a deadlock.
const FOREVER: Duration = Duration::MAX;

fn interrupt() -> Shared<(), NoWorkItem> {
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    Arc::new(interrupt)
}

/// Whenever the claims come, the listener sees all of them.
// Caught: a-delivery-tells-nobody, a-listener-looks-once.
#[test]
fn no_claim_is_slept_through() {
    bounded(|| {
        let interrupt = interrupt();
        let mut claims = interrupt.claims().unwrap();
        let device = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                interrupt.service();
                interrupt.service();
            }
        });
        let mut seen = 0;
        while seen < 2 {
            seen += block_on(claims.claimed()).unwrap();
        }
        assert_eq!(seen, 2);
        device.join().unwrap();
    });
}

/// The release that serves a delivery which was left to the owner wakes the listener.
// Caught: a-release-tells-nobody.
#[test]
fn a_claim_at_a_release_is_not_slept_through() {
    bounded(|| {
        let interrupt = interrupt();
        let mut claims = interrupt.claims().unwrap();
        let device = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                let section = interrupt.acquire_interrupt_lock();
                interrupt.service();
                drop(section);
            }
        });
        assert_eq!(block_on(claims.claimed()).unwrap(), 1);
        device.join().unwrap();
    });
}

/// A listener that is dropped leaves the next one its wake-up, even if that one begins at the same time.
// Caught: a-listener-takes-the-bit-along, a-listener-leaves-the-bit-after-the-notes.
#[test]
fn a_listener_that_goes_leaves_the_next_alone() {
    bounded(|| {
        let interrupt = interrupt();
        let claims = interrupt.claims().unwrap();
        let next = thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                let mut claims = interrupt.claims().unwrap();
                let flag = Arc::new(WakeFlag::default());
                let waker = Waker::from(flag.clone());
                assert!(pin!(claims.claimed()).poll(&mut Context::from_waker(&waker)).is_pending());
                interrupt.service();
                assert!(*flag.woken.lock().unwrap());
            }
        });
        drop(claims);
        next.join().unwrap();
    });
}

/// A task and a thread both hear of the claim.
// Caught: a-delivery-wakes-one-listener, a-thread-looks-once, a-wake-up-is-not-noted.
#[test]
fn each_listener_hears() {
    bounded(|| {
        let interrupt = interrupt();
        let mut claims = interrupt.claims().unwrap();
        let mut other = interrupt.claims().unwrap();
        let device = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.service()
        });
        assert_eq!(other.wait_for(FOREVER).unwrap(), 1);
        assert_eq!(block_on(claims.claimed()).unwrap(), 1);
        device.join().unwrap();
    });
}

/// A thread that waits for what the ISR makes of the data finds it, whenever the claim comes.
// Caught: a-thread-begins-to-listen-after-its-look, a-delivery-tells-nobody.
#[test]
fn a_condition_is_not_slept_through() {
    bounded(|| {
        let interrupt = Interrupt::builder(0).isr(|count| {
            **count += 1;
            Claim::Claimed
        });
        let interrupt: Shared<u32, NoWorkItem> = Arc::new(interrupt.build().unwrap());
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.service()
        });
        assert_eq!(*interrupt.try_acquire_interrupt_lock_when(|count| *count == 1, FOREVER).unwrap(), 1);
        device.join().unwrap();
    });
}

/// The end of the interrupt ends the listener's wait, whenever it comes.
// Caught: a-transition-tells-nobody.
#[test]
fn an_end_is_not_slept_through() {
    bounded(|| {
        let interrupt = interrupt();
        let mut claims = interrupt.claims().unwrap();
        let end = thread::spawn(move || drop(interrupt));
        assert!(matches!(block_on(claims.claimed()).unwrap_err().kind(), ErrorKind::Ended));
        end.join().unwrap();
    });
}
