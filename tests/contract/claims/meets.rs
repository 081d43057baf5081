//! Waits for claims where they meet other rules: a work item that holds the lock, a line that never ceases, wakers that
//! begin and drop listeners, a disable, the end, the cycle of rule I6.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, ErrorKind, Interrupt, InterruptLock};
use support::{LONG, kind, until, watchdog};

use super::answering;

/// A work item may wait for its own ISR, but not with the lock held that the ISR needs.
// Caught: a work item that is not asked whether it holds the lock (waits until the watchdog).
#[test]
fn e4_a_work_item_that_holds_the_lock_does_not_wait_for_the_isr() {
    watchdog(|| {
        let lock = Arc::new(InterruptLock::new(()));
        let (send, errors) = channel();
        let (source, line) = Software::edge();
        let interrupt = Interrupt::builder_sharing(&lock)
            .isr(|_| Claim::Claimed)
            .work_item(move |interrupt| {
                let mut claims = interrupt.claims().unwrap();
                let section = interrupt.acquire_interrupt_lock();
                send.send(claims.wait_for(LONG).unwrap_err()).unwrap();
                drop(section);
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        line.assert();
        let error = support::receive(&errors);
        assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }), "{error}");
        assert!(error.to_string().contains("lock held"), "{error}");
    });
}

/// The ISR claims as often as the thread looks: it gives up all the same.
// Caught: a time limit that is looked at only while nothing claims (never returns).
#[test]
fn a1_a_wait_for_a_condition_gives_up_although_the_line_never_ceases() {
    watchdog(|| {
        let interrupt = answering(|| Claim::Claimed);
        for patience in [Duration::ZERO, Duration::from_millis(5)] {
            let never = |(): &mut ()| {
                interrupt.service(); // the release of the lock runs the ISR
                false
            };
            let error = interrupt.try_acquire_interrupt_lock_when(never, patience).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::ConditionUnmet), "{error}");
        }
        assert!(interrupt.stats().claimed >= 2);
    });
}
