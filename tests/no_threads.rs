//! Where the system gives no thread, that is the error of the build. One test alone, because the watchdog is the
//! process's.
#![cfg(all(feature = "std", not(loom), target_os = "linux"))]

mod support;

use std::thread;

use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Dispatcher, Error, Interrupt, Transition};
use support::{LONG, watchdog};

// Caught: the error dropped of a worker, or of a watchdog, that could not be started; a watchdog that counts as running
// before it does.
#[test]
fn e6_a_thread_that_can_not_be_started_is_an_error() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let nic = || Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed);
        let waiter = || nic().source(Software::edge().0).build().map(drop);
        let worker = || {
            let nic = Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).work_item(|_| ());
            nic.source(Software::edge().0).dispatcher(&dispatcher).build().map(drop)
        };
        let watched = || nic().overdue_after(LONG).build();
        thread::scope(|scope| {
            scope.spawn(|| {
                refuse_threads();
                // Twice: what has failed is tried again, and fails again.
                for answer in [waiter(), worker(), watched().map(drop), waiter(), worker(), watched().map(drop)] {
                    let Err(Error::Dispatcher { interrupt, .. }) = answer else { panic!("{answer:?}") };
                    assert_eq!(interrupt.as_str(), "nic");
                }
            });
        });
        waiter().unwrap();
        worker().unwrap();
        assert_eq!(watched().unwrap().enable().unwrap(), Transition::Done);
    });
}

/// From now on this thread can start no other.
fn refuse_threads() {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        // The number of the system call is the first word of what the filter sees.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, libc::SYS_clone as u32),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_clone3 as u32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EAGAIN as u32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is a valid one, and the kernel copies it.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) == 0
    };
    assert!(installed, "{}", std::io::Error::last_os_error());
}
