//! A delivery that meets enable, disable, inactivity and the driver's own sections (I3, I4, I5, I15, E2).

use alloc::sync::Arc;

use loom::thread;

use crate::answer::{Delivery, NoWorkItem};
use crate::claim::Claim;
use crate::interrupt::Interrupt;
use crate::models::{Counted, Probe, Shared, Wire, bounded};

/// An interrupt whose ISR adds up the assertions that it is told of, and touches `probe`.
fn counting(wire: &Arc<Wire>, probe: &Arc<Probe>) -> Shared<u64, NoWorkItem> {
    let probe = probe.clone();
    Arc::new(
        Interrupt::builder(0)
            .isr(move |cx| {
                probe.touch();
                let assertions = cx.assertions();
                **cx += assertions;
                Claim::Claimed
            })
            .source(Counted::new(wire))
            .build()
            .unwrap(),
    )
}

/// A disable delivers what was signalled before it, and counts as stale what is signalled after its last ISR run. When it
/// has returned, no ISR runs, and none will.
// Caught: disable-drops-the-signalled, delivers-while-disabled.
#[test]
fn disable_loses_nothing_and_leaves_nothing_running() {
    bounded(|| {
        let (wire, probe) = (Wire::new(), Probe::new());
        let interrupt = counting(&wire, &probe);
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let (wire, interrupt) = (wire.clone(), interrupt.clone());
            move || {
                let signalled = wire.assert();
                interrupt.service();
                u64::from(signalled)
            }
        });
        interrupt.disable().unwrap();
        // Ordered after every ISR, or loom says so.
        probe.touch();
        let signalled = device.join().unwrap();
        // A `Wire` counts always. So an edge between the disconnection and the last look is stale as well.
        assert!(*interrupt.acquire_interrupt_lock() + interrupt.stats().stale >= signalled);
    });
}

/// What is asserted between the connection and the success of the enable callback is kept, and delivered after it. What
/// was there before the connection is drained and counted as stale, never delivered.
// Caught: enable-drains-nothing, delivers-before-enable, enable-loses-what-fires-meanwhile.
#[test]
fn enable_serves_what_fires_meanwhile() {
    bounded(|| {
        let wire = Wire::new();
        let interrupt = Arc::new(
            Interrupt::builder((false, 0))
                .isr(|cx| {
                    let assertions = cx.assertions();
                    let (ready, count) = &mut **cx;
                    assert!(*ready, "the ISR ran before the enable callback");
                    *count += assertions;
                    Claim::Claimed
                })
                .on_enable(|data| data.0 = true)
                .source(Counted::new(&wire))
                .build()
                .unwrap(),
        );
        // Before the enable.
        wire.assert();
        let device = thread::spawn({
            let (wire, interrupt) = (wire.clone(), interrupt.clone());
            move || {
                let signalled = wire.assert();
                interrupt.service();
                signalled
            }
        });
        interrupt.enable().unwrap();
        let signalled = device.join().unwrap();
        interrupt.service();
        let delivered = interrupt.acquire_interrupt_lock().1;
        let stale = interrupt.stats().stale;
        // An edge between the drain and the connection is not stale: it is delivered.
        assert_eq!(delivered + stale, 2);
        assert!(stale >= 1 && (!signalled || delivered == 1));
    });
}

/// A vector never waits: it finds the lock free, or the release of the section that it interrupted runs its ISR.
// Caught: pending-not-counted, pending-not-served, pending-torn.
#[test]
fn a_vector_that_may_not_wait_loses_nothing() {
    bounded(|| {
        let interrupt = Arc::new(
            Interrupt::builder(0)
                .isr(|cx| {
                    **cx += cx.assertions();
                    Claim::Claimed
                })
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        let vectors = [(); 2].map(|()| {
            let interrupt = interrupt.clone();
            thread::spawn(move || {
                assert_ne!(interrupt.service_waiting(false), Delivery::NotServed);
            })
        });
        // The driver's section, which the vectors interrupt.
        drop(interrupt.acquire_interrupt_lock());
        vectors.into_iter().for_each(|vector| vector.join().unwrap());
        assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    });
}

/// If a disable holds the lock, a vector's delivery is pending. The disable serves it, and sees what the vector did
/// before. A delivery that comes after the disable is counted as stale.
// Caught: pending-release, pending-acquire, disable-drops-the-pending.
#[test]
fn a_vector_that_meets_a_disable_is_served_or_counted() {
    bounded(|| {
        let left = Probe::new();
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr({
                    let left = left.clone();
                    move |_| {
                        assert_eq!(left.touch(), 1);
                        Claim::Claimed
                    }
                })
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        let vector = thread::spawn({
            let (interrupt, left) = (interrupt.clone(), left.clone());
            move || {
                left.touch();
                interrupt.service_waiting(false)
            }
        });
        interrupt.disable().unwrap();
        let delivery = vector.join().unwrap();
        let stats = interrupt.stats();
        assert_eq!(stats.delivered + stats.stale, 1);
        assert!(delivery != Delivery::Answered(Claim::Claimed) || stats.delivered == 1);
    });
}

/// Deliveries from two threads and a section of the driver's never overlap.
// Caught: take-acquire, release-release.
#[test]
fn an_isr_never_runs_twice_at_once() {
    bounded(|| {
        let (wire, probe) = (Wire::new(), Probe::new());
        let interrupt = counting(&wire, &probe);
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let (wire, interrupt) = (wire.clone(), interrupt.clone());
            move || {
                wire.assert();
                interrupt.service();
            }
        });
        wire.assert();
        interrupt.service();
        interrupt.synchronize(|_| probe.touch());
        device.join().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    });
}

/// An assertion that meets a time of inactivity is delivered once, before or after it. In between no ISR runs.
// Caught: inactive-skips-the-lock, inactive-delivers, withheld-is-dropped.
#[test]
fn inactivity_loses_nothing_and_leaves_nothing_running() {
    bounded(|| {
        let (wire, probe) = (Wire::new(), Probe::new());
        let interrupt = counting(&wire, &probe);
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let (wire, interrupt) = (wire.clone(), interrupt.clone());
            move || {
                wire.assert();
                interrupt.service();
            }
        });
        interrupt.report_inactive().unwrap();
        // Ordered after every ISR, or loom says so.
        probe.touch();
        interrupt.report_active().unwrap();
        device.join().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    });
}

/// Reporting the interrupt active takes what the source has signalled: no other delivery may come for it.
// Caught: active-without-a-look.
#[test]
fn becoming_active_looks_at_the_source() {
    bounded(|| {
        let (wire, probe) = (Wire::new(), Probe::new());
        let interrupt = counting(&wire, &probe);
        interrupt.enable().unwrap();
        interrupt.report_inactive().unwrap();
        let device = thread::spawn({
            let wire = wire.clone();
            move || wire.assert()
        });
        device.join().unwrap();
        interrupt.report_active().unwrap();
        assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    });
}
