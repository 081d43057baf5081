//! Looks at an eventfd where a filter refuses the call that never waits (rule I18). In a process of its own, because a filter
//! stays.

use std::os::fd::AsFd;

use interrupt_lock::linux::Eventfd;
use interrupt_lock::{Claim, Interrupt, NoWorkItem};
use libc::EPERM;
use rustix::fs::{OFlags, fcntl_getfl};
use support::alone::in_a_process_of_its_own;
use support::seccomp::{Whom, refuse};
use support::{let_it_block, until, watchdog};

/// A look has to make the eventfd non-blocking then. If the thread made it blocking to sleep in it, right before that look's
/// read, the look would wait, with the interrupt lock held.
// Caught: a thread that gets ready to sleep in `read` there.
#[test]
fn i18_no_eventfd_blocks_without_preadv2() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            refuse(&[libc::SYS_preadv2], EPERM, Whom::ThisProcess);
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let builder = Interrupt::builder(()).isr(|_| Claim::Claimed).source(eventfd);
            let interrupt: Interrupt<(), NoWorkItem> = builder.build().unwrap();
            interrupt.enable().unwrap();
            // The thread comes to the lock after it has got ready to sleep.
            let data = interrupt.acquire_interrupt_lock();
            device.signal();
            let_it_block();
            let flags = fcntl_getfl(device.as_fd()).unwrap();
            drop(data);
            assert!(flags.contains(OFlags::NONBLOCK));
            until(|| interrupt.stats().claimed == 1);
        });
    });
}
