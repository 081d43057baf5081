//! If the system refuses a thread, building the interrupt returns that error. In a process of its own, because the
//! watchdog belongs to the process.

use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, ErrorKind, Interrupt, NoWorkItem, Transition};
use support::alone::in_a_process_of_its_own;
use support::seccomp::{Whom, refuse};
use support::{LONG, watchdog};

// Caught: the error dropped of a worker, a shared worker, or a watchdog, that could not be started; a watchdog that counts as running
// before it does.
#[test]
fn e6_a_thread_that_can_not_be_started_is_an_error() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let nic = || Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed);
            let waiter = || nic().source(Software::edge().0).build().map(drop);
            let worker = || {
                let nic = Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).work_item(|_| ());
                nic.source(Software::edge().0).dispatcher(&dispatcher).build().map(drop)
            };
            let shared_worker = || nic().dispatcher(&dispatcher).shared_worker().build();
            let watched = || nic().overdue_after(LONG).build();
            let all = || [waiter(), worker(), shared_worker().map(drop), watched().map(drop)];
            thread::scope(|scope| {
                scope.spawn(|| {
                    refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN, Whom::ThisThread);
                    // Twice: what has failed is tried again, and fails again.
                    for answer in [all(), all()].into_iter().flatten() {
                        let error = answer.unwrap_err();
                        assert!(matches!(error.kind(), ErrorKind::Dispatcher(_)), "{error}");
                        assert_eq!(error.name().as_str(), "nic");
                        assert_eq!(error.to_string(), "nic: a thread that serves or watches it could not be started");
                        assert!(format!("{error:#}").ends_with(": Resource temporarily unavailable (os error 11)"));
                    }
                });
            });
            waiter().unwrap();
            worker().unwrap();
            drop(shared_worker().unwrap());
            assert_eq!(watched().unwrap().enable().unwrap(), Transition::Done);
        });
    });
}

/// The callbacks own what panics as it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// An interrupt that is built but for its watchdog ends like any other: a panic of what its callbacks own stays inside.
// Caught: an object without a handle, which is dropped without its end.
#[test]
fn e6_an_interrupt_that_can_not_be_watched_ends() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN, Whom::ThisThread);
            let bomb = Bomb;
            let builder = Interrupt::<_, NoWorkItem>::builder(()).name("nic").isr(move |_| {
                let _ = &bomb;
                Claim::Claimed
            });
            let error = builder.overdue_after(LONG).build().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Dispatcher(_)), "{error}");
        });
    });
}
