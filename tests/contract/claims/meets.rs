//! Waits for claims where they meet other rules: a work item that holds the lock, a line that never ceases, wakers that
//! begin and drop listeners, a disable, the end, the cycle of rule I6.

use std::sync::Arc;
use std::sync::mpsc::channel;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, ErrorKind, Interrupt, InterruptLock};
use support::{LONG, kind, until, watchdog};

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
