//! A listener against deliveries, another listener and the end (A1 to A4).

use alloc::sync::Arc;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::task::Wake;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::models::{Shared, bounded};
use crate::{Claim, ErrorKind, Interrupt, NoWorkItem};

/// Loom's `unpark` also ends a `join`, so it is not used here.
#[derive(Default)]
struct Woken {
    is: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.is.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// An executor of one thread. One that nobody wakes is a deadlock, and loom says so.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        let mut is = woken.is.lock().unwrap();
        while !*is {
            is = woken.changed.wait(is).unwrap();
        }
        *is = false;
    }
}

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

/// A delivery that is left to the owner of the lock is told by its release.
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

/// A listener that goes takes nothing from the one that follows.
// Caught: a-listener-leaves-its-bit-first.
#[test]
fn a_listener_that_goes_leaves_the_next_alone() {
    bounded(|| {
        let interrupt = interrupt();
        let claims = interrupt.claims().unwrap();
        let next = thread::spawn({
            let object = interrupt.object().clone();
            move || match object.claims() {
                Ok(mut claims) => match block_on(claims.claimed()) {
                    Ok(claimed) => assert_eq!(claimed, 1),
                    Err(error) => assert!(matches!(error.kind(), ErrorKind::Ended)),
                },
                Err(error) => assert!(matches!(error.kind(), ErrorKind::Listened)),
            }
        });
        drop(claims);
        interrupt.service();
        drop(interrupt);
        next.join().unwrap();
    });
}

/// Whenever the end comes, it ends the wait.
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
