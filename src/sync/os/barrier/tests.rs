//! Tests of the choice between `membarrier` and fences. The choice belongs to the process, so each test runs in a
//! process of its own.

#[path = "../../../../tests/support/seccomp.rs"]
mod seccomp;

use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::{env, thread};

use crate::lock::InterruptLock;
use crate::sync::AtomicUsize;
use crate::sync::Parked;
use crate::sync::os::Parker;
use crate::sync::os::barrier::*;
use seccomp::{Whom, refuse};

/// Runs `test` in a new process: the same test program, with the name of this one test.
fn in_a_process_of_its_own(name: &str, test: impl FnOnce()) {
    const HERE: &str = "INTERRUPT_LOCK_TEST_RUNS_HERE";
    if env::var_os(HERE).is_some() {
        return test();
    }
    let name = std::format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    // Without /proc the system does not know the program's path.
    let program = env::current_exe().unwrap_or_else(|_| env::args_os().next().unwrap().into());
    let output = Command::new(program).args(["--exact", &name, "--nocapture"]).env(HERE, "1").output().unwrap();
    let said = std::string::String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        std::string::String::from_utf8_lossy(&output.stderr)
    );
}

fn choice() -> usize {
    CHOICE.load(Relaxed)
}

/// Has four threads wait for one another's sections, often asleep.
fn contend() {
    let (lock, start) = (InterruptLock::new(0), Barrier::new(4));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for n in 0..500 {
                    let mut count = lock.acquire_interrupt_lock();
                    *count += 1;
                    if n % 50 == 0 {
                        // Long enough that the others go to sleep.
                        thread::sleep(Duration::from_micros(300));
                    }
                }
            });
        }
    });
    assert_eq!(lock.into_inner(), 2_000);
}

/// Makes `membarrier` fail from now on.
fn refuse_membarrier() {
    refuse(&[libc::SYS_membarrier], libc::EPERM, Whom::ThisProcess);
}

/// What locks use from the first release on: `membarrier`, if the system has it. Asks the system in another way than
/// the code.
fn expected() -> usize {
    // SAFETY: a query changes nothing.
    let commands = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, 0, 0) };
    let has = libc::c_long::from(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    if commands > 0 && commands & has != 0 { UNEQUAL } else { FENCES }
}

/// If the system has `membarrier`, locks use it from the first release on.
#[test]
fn it_is_chosen_before_the_first_release() {
    in_a_process_of_its_own("it_is_chosen_before_the_first_release", || {
        assert_eq!(choice(), UNCHOSEN);
        drop(InterruptLock::new(()).acquire_interrupt_lock());
        assert_eq!(choice(), expected());
        contend();
        assert_eq!(choice(), expected());
    });
}

/// If it has none, both barriers are fences, and no thread has to look again.
// Caught: a registration whose failure is ignored.
#[test]
fn without_it_there_are_fences() {
    in_a_process_of_its_own("without_it_there_are_fences", || {
        refuse_membarrier();
        contend();
        assert_eq!(choice(), FENCES);
        assert!(recheck().is_none());
    });
}

/// If a seccomp filter forbids it while threads use the lock, both barriers are fences from then on.
// Caught: a membarrier whose failure is ignored.
#[test]
fn one_that_fails_later_is_given_up_for_good() {
    in_a_process_of_its_own("one_that_fails_later_is_given_up_for_good", || {
        let has = expected();
        drop(InterruptLock::new(()).acquire_interrupt_lock());
        assert_eq!(choice(), has);
        let (done, sections) = (AtomicU64::new(0), AtomicU64::new(0));
        let lock = InterruptLock::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while done.load(SeqCst) == 0 {
                        let mut count = lock.acquire_interrupt_lock();
                        *count += 1;
                        sections.fetch_add(1, SeqCst);
                        if *count % 20 == 0 {
                            thread::sleep(Duration::from_micros(200));
                        }
                    }
                });
            }
            let more = || {
                let seen = sections.load(SeqCst);
                while sections.load(SeqCst) < seen + 1_000 {
                    thread::sleep(Duration::from_millis(1));
                }
            };
            more();
            refuse_membarrier();
            more();
            // Before anything fails here: the threads would go on for ever.
            done.store(1, SeqCst);
        });
        contend();
        // Without one from the start there is none to give up.
        assert_eq!(choice(), if has == UNEQUAL { FENCES_SINCE } else { FENCES });
    });
}

/// After that, a thread whose wake-up was lost looks again by itself, and a thread with a deadline keeps it.
// Caught: a sleep without `recheck`; one whose recheck counts as the deadline.
#[test]
fn nobody_sleeps_for_ever_then() {
    in_a_process_of_its_own("nobody_sleeps_for_ever_then", || {
        CHOICE.store(UNEQUAL, Relaxed); // whatever this system has
        without_membarrier();
        assert_eq!(choice(), FENCES_SINCE);
        let word = AtomicUsize::new(0);
        let park = |deadline| Parker::new().park(&word, 0, || true, |_| (), deadline);
        assert_eq!(park(None), Parked::Woken);
        assert_eq!(park(Some(Instant::now() + Duration::from_secs(3600))), Parked::Woken);
        assert_eq!(park(Some(Instant::now())), Parked::TimedOut);
    });
}

/// A program that calls `without_membarrier` first gets fences only, and no thread has to look again.
#[test]
fn a_program_may_do_without() {
    in_a_process_of_its_own("a_program_may_do_without", || {
        crate::without_membarrier();
        contend();
        assert_eq!(choice(), FENCES);
        assert!(recheck().is_none());
    });
}
