//! A fault that meets a transition (I12), and a work item under its device's callback lock (W5).

use alloc::sync::Arc;

use loom::thread;

use crate::answer::State;
use crate::cause::{Errno, SourceError};
use crate::claim::Claim;
use crate::device::Device;
use crate::error::{Error, ErrorKind};
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::interrupt::state::{Event, GONE, StateWord};
use crate::models::{Counted, Probe, Wire, all, bounded};
use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// A fault meets an enable. Either the interrupt is faulted and disconnected, or it was never served. A faulted
/// interrupt can't be enabled until the fault has been cleared.
// Caught: fault-leaves-it-connected, enable-ignores-a-fault.
#[test]
fn a_fault_that_meets_an_enable_stays_a_fault() {
    bounded(|| {
        let wire = Wire::new();
        let broken = SourceError::Os { doing: "reading".into(), source: Errno::new(5) };
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .source(Counted::failing(&wire, broken.clone()))
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        let device = thread::spawn({
            let (wire, interrupt) = (wire.clone(), interrupt.clone());
            move || {
                wire.assert();
                interrupt.service();
            }
        });
        let disabled = interrupt.disable();
        let enabled = interrupt.enable();
        device.join().unwrap();
        // Whichever came first, state, fault and connection agree.
        assert!(matches!(disabled.as_ref().map_err(Error::kind), Ok(_) | Err(ErrorKind::Faulted(_))));
        match interrupt.state() {
            State::Faulted => {
                assert_eq!(interrupt.fault(), Some(Fault::Source(broken)));
                assert!(!wire.is_connected());
                assert!(matches!(interrupt.enable().unwrap_err().kind(), ErrorKind::Faulted(_)));
                assert!(interrupt.clear_fault().unwrap().is_some());
                assert!(interrupt.enable().is_ok());
            }
            state => {
                assert_eq!(state, State::Enabled);
                assert!(enabled.is_ok());
                assert!(interrupt.fault().is_none());
            }
        }
        assert!(wire.is_connected());
    });
}

/// A thread that sees in a snapshot that an interrupt is out of service also sees what was counted before: so a listener
/// yields the claims from before a fault, then the fault.
// Caught: state-apply-release, state-set-release, state-snapshot-acquire.
#[test]
fn a_snapshot_shows_what_was_counted_before() {
    let take_out: [fn(&StateWord); 2] =
        [|state| assert!(state.apply(Event::Fault).is_some()), |state| assert!(state.set(GONE))];
    for take_out in take_out {
        all(move || {
            let (state, counted) = (Arc::new(StateWord::new()), Arc::new(AtomicUsize::new(0)));
            let counts = thread::spawn({
                let (state, counted) = (state.clone(), counted.clone());
                move || {
                    counted.store(1, Relaxed);
                    take_out(&state);
                }
            });
            if matches!(state.snapshot(), State::Faulted | State::Removed) {
                assert_eq!(counted.load(Relaxed), 1);
            }
            counts.join().unwrap();
        });
    }
}

/// A work item that runs under the callback lock never overlaps a section of the device.
// Caught: work-item-not-serialized.
#[test]
fn a_serialized_work_item_excludes_sections() {
    bounded(|| {
        let probe = Probe::new();
        let device = Device::builder("device").build();
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item({
                    let probe = probe.clone();
                    move |_| _ = probe.touch()
                })
                .device(&device)
                .automatic_serialization()
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let worker = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.run_work_item()
        });
        device.synchronize(|| probe.touch());
        worker.join().unwrap();
        assert_eq!(probe.touch(), 2);
    });
}
