//! Rule I6 where the cycle meets other rules: a driver's own loop, sleep, what the unmask callback may ask for, the end.

use std::sync::{Arc, Mutex};

use interrupt_lock::{Claim, Deferral, Delivery, ErrorKind, Interrupt, WithWorkItem, Work};
use support::log::Log;
use support::{kind, watchdog};

use super::device::{Wiring, driver};

/// A driver's own loop runs the work item while there are runs. It hears of the run that the unmask callback asks for.
// Caught: run_work_item that returns what was queued before the callback ran.
#[test]
fn w8_a_loop_hears_of_the_run_that_the_unmask_callback_asks_for() {
    for wiring in Wiring::ALL {
        let (driver, nic) = driver(wiring);
        driver.enable().unwrap();
        nic.complete();
        assert!(nic.deliver_to(&driver));
        // The run takes one and looks again: two steps. The callback turns the interrupts on: a third.
        nic.complete_before(&[4]);
        while driver.run_work_item() {}
        assert_eq!((nic.taken(), nic.interrupts_on()), (2, true), "{wiring:?}");
    }
}

/// The unmask callback may ask for whatever a callback may, and is refused what would wait for itself.
// Caught: the callback run without the lock; a transition that waits in it.
#[test]
fn e4_the_unmask_callback_does_not_wait_for_itself() {
    watchdog(|| {
        let log = Log::new();
        let said = log.clone();
        let object = Arc::new(Mutex::new(None::<std::sync::Weak<interrupt_lock::InterruptObject<u32, WithWorkItem>>>));
        let theirs = object.clone();
        let mut calls = 0;
        let driver = Interrupt::builder(0)
            .isr(|cx| {
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .work_item(|_| ())
            .on_unmask(move |_| {
                calls += 1;
                let me = theirs.lock().unwrap().as_ref().unwrap().upgrade().unwrap();
                let refused = |kind: Option<&ErrorKind>| matches!(kind, Some(ErrorKind::WouldDeadlock { .. }));
                assert!(refused(kind(&me.enable())));
                assert!(refused(kind(&me.disable())));
                assert!(refused(kind(&me.report_inactive())));
                assert!(refused(kind(&me.clear_fault())));
                assert!(me.try_acquire_interrupt_lock().is_none());
                assert!(matches!(kind(&me.claims()), Some(ErrorKind::Recursive { .. })));
                let snapshot = me.snapshot();
                assert!(snapshot.owner.unwrap().is_caller && snapshot.kept_masked);
                if calls == 1 {
                    assert_eq!(me.service(), Delivery::Pending);
                    let later = said.clone();
                    assert_eq!(me.run_or_defer(move |_| later.add("closure")).unwrap(), Deferral::Deferred);
                    return Work::Again;
                }
                said.add("done");
                Work::Done
            })
            .without_dispatcher()
            .build()
            .unwrap();
        *object.lock().unwrap() = Some(Arc::downgrade(driver.object()));
        driver.enable().unwrap();
        driver.service();
        while driver.run_work_item() {}
        assert_eq!(driver.fault(), None);
        assert_eq!(log.take(), ["closure", "done"]);
        assert!(!driver.snapshot().kept_masked);
    });
}
