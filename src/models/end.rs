//! An end that meets a delivery or a work item (E6).

use alloc::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::answer::{Delivery, State};
use crate::claim::Claim;
use crate::interrupt::Interrupt;
use crate::models::{Counted, Probe, Wire, bounded};

/// A value that a callback owns. It counts how often it is freed.
struct Owned(Arc<AtomicUsize>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The handle is dropped during a delivery. When the drop returns, the ISR has finished or will never run, and what the
/// callbacks own has been freed once.
// Caught: end-leaves-it-delivering.
#[test]
fn an_end_waits_for_the_delivery() {
    bounded(|| {
        let (wire, probe, freed) = (Wire::new(), Probe::new(), Arc::new(AtomicUsize::new(0)));
        let owned = Owned(freed.clone());
        let interrupt = Interrupt::builder(())
            .isr({
                let probe = probe.clone();
                move |_| {
                    let _ = &owned;
                    probe.touch();
                    Claim::Claimed
                }
            })
            .source(Counted::new(&wire))
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let (wire, object) = (wire.clone(), interrupt.object().clone());
            move || {
                let signalled = wire.assert();
                let delivery = object.service();
                (signalled, delivery)
            }
        });
        let object = interrupt.object().clone();
        drop(interrupt);
        // Ordered after the ISR, or loom says so.
        let ran = probe.touch();
        assert_eq!(freed.load(Relaxed), 1);
        assert!(!wire.is_connected());
        let (signalled, delivery) = device.join().unwrap();
        assert!(!signalled || ran as u64 + object.stats().stale >= 1);
        assert!(delivery != Delivery::Answered(Claim::Claimed) || ran == 1);
        assert_eq!(object.state(), State::Ended);
        assert_eq!(object.service(), Delivery::NotServed);
    });
}

/// Dropping the handle runs a queued work item, or waits for the run, and frees the work item after that.
// Caught: flush-does-not-wait, flush-ignores-the-queued.
#[test]
fn an_end_flushes_the_work_item() {
    bounded(|| {
        let (probe, freed) = (Probe::new(), Arc::new(AtomicUsize::new(0)));
        let owned = Owned(freed.clone());
        let interrupt = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .work_item({
                let probe = probe.clone();
                move |_| {
                    let _ = &owned;
                    probe.touch();
                }
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let worker = thread::spawn({
            let object = interrupt.object().clone();
            move || while object.run_work_item() {}
        });
        drop(interrupt);
        // Ordered after the run, or loom says so.
        assert_eq!(probe.touch(), 1);
        assert_eq!(freed.load(Relaxed), 1);
        worker.join().unwrap();
    });
}

/// A handle is dropped in its own work item, while the ISR finds the device gone and sets another bit of the state. The
/// end comes, once.
// Caught: state-torn, work-end-forgets-the-end.
#[test]
fn a_bit_set_beside_another_is_not_lost() {
    bounded(|| {
        let slot = Arc::new(loom::sync::Mutex::new(None::<Interrupt<()>>));
        let freed = Arc::new(AtomicUsize::new(0));
        let owned = Owned(freed.clone());
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                let _ = &owned;
                Claim::DeviceGone
            })
            .work_item({
                let slot = slot.clone();
                move |_| drop(slot.lock().unwrap().take())
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let object = interrupt.object().clone();
        *slot.lock().unwrap() = Some(interrupt);
        let device = thread::spawn({
            let object = object.clone();
            move || object.service()
        });
        while object.run_work_item() {}
        // The thread that comes last, of the run and the ISR, ends the interrupt.
        device.join().unwrap();
        assert_eq!(object.state(), State::Ended);
        assert_eq!(freed.load(Relaxed), 1);
    });
}

/// The owner of the lock drops the handle while the work item runs. Either the release ends the interrupt, or the
/// thread of the run does: then it sees that the handle was dropped.
// Caught: end-left-by-a-load, work-end-without-acquire.
#[test]
fn an_end_left_to_a_run_comes() {
    bounded(|| {
        let interrupt = Interrupt::<_>::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build().unwrap();
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let object = interrupt.object().clone();
        let worker = thread::spawn({
            let object = object.clone();
            move || _ = object.run_work_item()
        });
        let held = object.acquire_interrupt_lock();
        drop(interrupt);
        drop(held);
        worker.join().unwrap();
        assert_eq!(object.state(), State::Ended);
    });
}
