//! A fault against enable and disable (I12).

use alloc::sync::Arc;

use loom::thread;

use crate::models::{Counted, Wire, bounded};
use crate::{Claim, Error, Fault, Interrupt, State};
use crate::{Errno, SourceError};

/// A fault that meets an enable: the interrupt is either quarantined and disconnected, or was never served; it can't be
/// enabled past the fault, and can after it has been cleared.
// Caught: quarantine-leaves-it-connected, enable-ignores-a-fault.
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
        // Whatever came first, the books agree with each other.
        assert!(disabled.is_ok());
        match interrupt.state() {
            State::Faulted => {
                assert_eq!(interrupt.fault(), Some(Fault::Source(broken)));
                assert!(!wire.is_connected());
                assert!(matches!(interrupt.enable(), Err(Error::Faulted { .. })));
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
