//! Handles of the crate's that other code closes, against Rust's I/O safety (rule I18). In a process of its own, because a
//! handle that has become free may become anybody's.
//!
//! A wait for several handles fails as a whole if one of them is closed.

use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};

use interrupt_lock::windows::{Event, EventSignaller};
use interrupt_lock::{Claim, Dispatcher, Fault, Interrupt, NoWorkItem, State};
use support::alone::in_a_process_of_its_own;
use support::{until, watchdog};

fn served(dispatcher: &Dispatcher) -> (Interrupt<(), NoWorkItem>, EventSignaller) {
    let event = Event::auto_reset().unwrap();
    let device = event.signaller();
    let builder = Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).source(event);
    let interrupt = builder.dispatcher(dispatcher).build().unwrap();
    interrupt.enable().unwrap();
    (interrupt, device)
}

/// The interrupt of that handle is faulted, with what the system says. The others of its dispatcher go on.
// Caught: a wait that fails for all; a closed handle that the thread goes on to wait for, again and again.
#[test]
fn i18_a_handle_that_others_close() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let (beside, of_beside) = served(&dispatcher);
            let (interrupt, device) = served(&dispatcher);
            let meets = |interrupt: &Interrupt<(), NoWorkItem>, signaller: &EventSignaller, claimed| {
                signaller.signal().unwrap();
                until(|| interrupt.stats().claimed == claimed);
            };
            // A thread that starts makes handles.
            meets(&beside, &of_beside, 1);
            meets(&interrupt, &device, 1);
            // SAFETY: the handle is one of this process's. That it is another's is what the test is about.
            drop(unsafe { OwnedHandle::from_raw_handle(device.as_handle().as_raw_handle()) });
            of_beside.signal().unwrap();
            // The next handle gets the number of the closed one, and a sleep makes a handle. So this thread must not sleep
            // before the dispatcher has looked.
            while interrupt.state() != State::Faulted {
                std::thread::yield_now();
            }
            until(|| beside.stats().claimed == 2);
            for claimed in 3..=5 {
                meets(&beside, &of_beside, claimed);
            }
            let Some(Fault::Source(error)) = interrupt.fault() else { panic!("{:?}", interrupt.fault()) };
            let said = format!("{error:#}");
            assert!(said.starts_with("looking at an event: ") && said.contains("os error 6"), "{said}");
            assert_eq!(beside.fault(), None);
            // The handle is closed already, and its number may be another's by now.
            std::mem::forget((interrupt, device, dispatcher));
        });
    });
}
