//! A listener allocates nothing as it waits and as it is woken. In a process of its own, because it counts what the
//! whole process allocates.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
use support::allocations::ALLOCATED;
use support::alone::in_a_process_of_its_own;
use support::watchdog;

static TIMER: InterruptObject<(), NoWorkItem> = InterruptObject::new(Name::new("timer"), (), |_| Claim::Claimed);

struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

// Caught: a boxed future; a box around the waker.
#[test]
fn a3_a_listener_allocates_nothing() {
    in_a_process_of_its_own(|| {
        // On a thread that is counted.
        watchdog(|| {
            let woken = Arc::new(Woken(AtomicU64::new(0)));
            let waker = Waker::from(woken.clone());
            let mut context = Context::from_waker(&waker);
            TIMER.enable().unwrap();
            let mut round = || {
                let mut claims = TIMER.claims().unwrap();
                assert!(pin!(claims.claimed()).poll(&mut context).is_pending());
                TIMER.service();
                assert!(matches!(pin!(claims.claimed()).poll(&mut context), Poll::Ready(Ok(1))));
            };
            round();
            let before = ALLOCATED.load(Relaxed);
            for _ in 0..1000 {
                round();
            }
            assert_eq!(ALLOCATED.load(Relaxed), before);
            assert_eq!(woken.0.load(Relaxed), 1001);
        });
    });
}
