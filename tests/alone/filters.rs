//! Filters that refuse the calls which a dispatcher needs, as a sandbox does that is put up late (rules I18, I19). In a
//! process of its own each, because a filter stays. (`tests/refused.rs` refuses more calls, at each use, without a filter.)

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller, MappedRegisters};
use interrupt_lock::source::Software;
use interrupt_lock::{
    Affinity, Answer, Claim, Dispatcher, Error, ErrorKind, Fault, Interrupt, NoWorkItem, Policy, Priority, State,
};
use libc::{ENOSYS, EPERM};
use rustix::time::{ClockId, clock_gettime};
use support::alone::in_a_process_of_its_own;
use support::seccomp::{Whom, refuse};
use support::{let_it_block, until, watchdog};

/// Every way to wait. (Newer processors have no `epoll_wait`.)
const WAITS: &[libc::c_long] = &[
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm"))]
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
];
// Processors of 32 bits have calls of their own for large files.
#[cfg(target_pointer_width = "64")]
const FCNTL: &[libc::c_long] = &[libc::SYS_fcntl];
#[cfg(target_pointer_width = "64")]
const MMAP: &[libc::c_long] = &[libc::SYS_mmap];
#[cfg(target_pointer_width = "32")]
const FCNTL: &[libc::c_long] = &[libc::SYS_fcntl64];
#[cfg(target_pointer_width = "32")]
const MMAP: &[libc::c_long] = &[libc::SYS_mmap2];

type Counter = Interrupt<u64, NoWorkItem>;

/// A builder of an interrupt that counts its assertions.
macro_rules! counting {
    ($source:expr) => {
        Interrupt::builder(0).name("nic").source($source).isr(|cx| {
            **cx += cx.assertions();
            Claim::Claimed
        })
    };
}

/// An interrupt that counts its assertions, and what asserts it.
fn nic(dispatcher: Option<&Dispatcher>) -> Result<(Counter, EventfdSignaller), Error> {
    let eventfd = Eventfd::new()?;
    let device = eventfd.signaller();
    let builder = counting!(eventfd);
    let built = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        None => builder.build(),
    };
    Ok((built?, device))
}

/// Asserts ten times, and waits until all are served.
#[track_caller]
fn serves(interrupt: &Counter, device: &EventfdSignaller) {
    let before = *interrupt.acquire_interrupt_lock();
    (0..10).for_each(|_| device.signal());
    let served = || *interrupt.acquire_interrupt_lock() - before;
    assert!(support::comes(|| served() == 10 || interrupt.fault().is_some()), "{} of 10", served());
    assert_eq!((served(), interrupt.fault()), (10, None));
}

/// Waits for the fault of a call that was refused, which names the call.
#[track_caller]
fn faults(interrupt: &Counter, call: &str) {
    assert!(support::comes(|| interrupt.state() == State::Faulted), "{:?}", interrupt.state());
    let Some(Fault::Source(error)) = interrupt.fault() else { panic!("{:?}", interrupt.fault()) };
    let sentence = format!("{error:#}");
    assert!(sentence.contains(call) && sentence.contains("Operation not permitted"), "{sentence}");
    let refused = interrupt.enable().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Faulted(_)) && refused.name().as_str() == "nic", "{refused:#}");
}

/// What a filter does to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// It is served: the call was not needed, or there is another way.
    Well,
    /// An error that names the interrupt and the call.
    Error,
    /// A fault that names the call.
    Fault,
}

use Comes::{Fault as AFault, Well};

/// What a filter does to interrupts, by when it is put up.
#[derive(Clone, Copy, Debug)]
struct Then {
    /// To one that is enabled.
    served: Comes,
    /// To one that is then disabled and enabled again.
    enabled: Comes,
    /// To one that is built after that.
    built: Comes,
}

const NOTHING: Then = Then { served: Well, enabled: Well, built: Well };

/// Refuses `calls` to the whole process. An error or a fault has to name `call`. Another interrupt, which was enabled before,
/// is served on, nothing spins, and everything can be dropped.
#[track_caller]
fn under_a_filter(calls: &'static [libc::c_long], call: &'static str, then: Then) {
    watchdog(move || {
        let (beside, of_beside) = nic(None).unwrap();
        let (interrupt, device) = nic(None).unwrap();
        let (late, of_late) = Eventfd::new().map(|late| (late.signaller(), late)).unwrap();
        for (interrupt, device) in [(&beside, &of_beside), (&interrupt, &device)] {
            interrupt.enable().unwrap();
            serves(interrupt, device);
        }
        refuse(calls, EPERM, Whom::ThisProcess);
        comes(&interrupt, &device, call, then.served, Ok(()));
        let again = interrupt.disable().and_then(|_| interrupt.enable()).map(drop);
        comes(&interrupt, &device, call, then.enabled, again);
        match counting!(of_late).build() {
            Err(error) => {
                assert_eq!(then.built, Comes::Error, "{error:#}");
                names(&error, call);
            }
            Ok(built) => comes(&built, &late, call, then.built, built.enable().map(drop)),
        }
        is_quiet();
        drop(interrupt);
        serves(&beside, &of_beside);
        is_quiet();
    });
}

#[track_caller]
fn comes(interrupt: &Counter, device: &EventfdSignaller, call: &str, expected: Comes, enabled: Result<(), Error>) {
    match enabled {
        Err(error) => {
            let came = if matches!(error.kind(), ErrorKind::Faulted(_)) { AFault } else { Comes::Error };
            assert_eq!(came, expected, "{error:#}");
            names(&error, call);
        }
        Ok(()) if expected == Well => serves(interrupt, device),
        Ok(()) => {
            assert_eq!(expected, AFault);
            device.signal();
            faults(interrupt, call);
        }
    }
}

#[track_caller]
fn names(error: &Error, call: &str) {
    let sentence = format!("{error:#}");
    assert!(sentence.contains(call) && error.name().as_str() == "nic", "{sentence} should name nic and {call}");
}

/// How much processor time this process has had.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap())
}

/// A thread that spins has all of a processor's time, or its share of it on a busy machine.
#[track_caller]
fn is_quiet() {
    let before = processor_time();
    thread::sleep(Duration::from_secs(1));
    let used = processor_time() - before;
    assert!(used < Duration::from_millis(10), "{used:?} of processor time in a quiet second");
}

// Caught: a refused wait that is taken for an interrupted one; a thread that asks again and again.
#[test]
fn i19_a_wait_that_is_refused_faults_all_that_it_serves() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let of_one = [nic(Some(&dispatcher)).unwrap(), nic(Some(&dispatcher)).unwrap()];
            for (interrupt, device) in &of_one {
                interrupt.enable().unwrap();
                serves(interrupt, device);
            }
            refuse(WAITS, EPERM, Whom::ThisProcess);
            // The wait that is under way ends with this assertion, which is served. The next is refused.
            of_one[0].1.signal();
            for (interrupt, _) in &of_one {
                faults(interrupt, "epoll");
            }
            is_quiet();
            // The system refuses still, and says so again.
            let (interrupt, _) = &of_one[1];
            interrupt.clear_fault().unwrap();
            interrupt.enable().unwrap();
            faults(interrupt, "epoll");
            is_quiet();
        });
    });
}

// Caught: a dispatcher that never asks the system again, or hangs in its end.
#[test]
fn i19_a_wait_that_is_refused_from_the_start() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            refuse(WAITS, EPERM, Whom::ThisProcess);
            let (interrupt, device) = nic(None).unwrap();
            interrupt.enable().unwrap();
            device.signal();
            faults(&interrupt, "epoll");
            is_quiet();
        });
    });
}

// Caught: a registration that is forgotten though the system still has it: "File exists" from then on.
#[test]
fn i19_a_deregistration_that_is_refused_is_a_fault() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            // A thread that serves one interrupt alone would sleep in `read`, and have no registration.
            let dispatcher = Dispatcher::new().unwrap();
            let (interrupt, device) = nic(Some(&dispatcher)).unwrap();
            interrupt.enable().unwrap();
            serves(&interrupt, &device);
            thread::scope(|scope| {
                scope.spawn(|| {
                    refuse(&[libc::SYS_epoll_ctl], EPERM, Whom::ThisThread);
                    let error = interrupt.disable().unwrap_err();
                    assert!(matches!(error.kind(), ErrorKind::Faulted(Fault::Source(_))), "{error:#}");
                    faults(&interrupt, "epoll_ctl");
                    // A registration is refused, too.
                    interrupt.clear_fault().unwrap();
                    let error = interrupt.enable().unwrap_err();
                    assert!(format!("{error:#}").contains("epoll_ctl: Operation not permitted"), "{error:#}");
                    assert_eq!(interrupt.state(), State::Disabled);
                });
            });
            // To a thread without that filter nothing is refused.
            for _ in 0..3 {
                interrupt.enable().unwrap();
                serves(&interrupt, &device);
                interrupt.disable().unwrap();
            }
        });
    });
}

/// What a driver asks for does not change which calls are needed: only `epoll_pwait2` could express this time.
// Caught: a wait of any length that is passed on to the system.
#[test]
fn i19_a_long_silence_needs_no_other_call() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            refuse(&[libc::SYS_epoll_pwait2], ENOSYS, Whom::ThisProcess);
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let silence = Duration::from_secs(100 * 24 * 60 * 60);
            let interrupt = counting!(eventfd).poll_when_silent(silence).build().unwrap();
            interrupt.enable().unwrap();
            for _ in 0..3 {
                serves(&interrupt, &device);
                let_it_block();
            }
            assert_eq!(interrupt.fault(), None);
        });
    });
}

/// The thread that waits is woken all the same.
// Caught: a wake-up by writing alone: the interrupt is never served, and its end hangs.
#[test]
fn i19_a_wake_up_that_can_not_be_written() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (source, line) = Software::edge();
            let interrupt = counting!(source).build().unwrap();
            interrupt.enable().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    refuse(&[libc::SYS_write], EPERM, Whom::ThisThread);
                    for round in 1..=100 {
                        line.assert();
                        until(|| *interrupt.acquire_interrupt_lock() == round);
                    }
                    drop(interrupt);
                });
            });
        });
    });
}

/// Kernels and filters without the call that never waits.
// Caught: a look that fails without that call.
#[test]
fn i18_a_look_without_preadv2() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            refuse(&[libc::SYS_preadv2], EPERM, Whom::ThisProcess);
            let (interrupt, device) = nic(None).unwrap();
            interrupt.enable().unwrap();
            serves(&interrupt, &device);
            assert_eq!(interrupt.disable().unwrap(), interrupt_lock::Transition::Done);
        });
    });
}

#[test]
fn i19_a_filter_of_eventfd2() {
    in_a_process_of_its_own(|| {
        let built = Then { built: Comes::Error, ..NOTHING };
        under_a_filter(&[libc::SYS_eventfd2], "eventfd2", built);
    });
}

#[test]
fn i19_a_filter_of_epoll_create1() {
    in_a_process_of_its_own(|| {
        let built = Then { built: Comes::Error, ..NOTHING };
        under_a_filter(&[libc::SYS_epoll_create1], "epoll_create1", built);
    });
}

/// A thread that sleeps in `read` has no registration, so a disable needs none to end. An enable registers. An interrupt that
/// is built can't watch anything.
#[test]
fn i19_a_filter_of_epoll_ctl() {
    in_a_process_of_its_own(|| {
        let later = Then { enabled: Comes::Error, built: Comes::Error, ..NOTHING };
        under_a_filter(&[libc::SYS_epoll_ctl], "epoll_ctl", later);
    });
}

/// Each enable duplicates the descriptor that is watched.
// Caught: a descriptor that can't be watched, and is not told.
#[test]
fn i19_a_filter_of_fcntl() {
    in_a_process_of_its_own(|| {
        let later = Then { enabled: Comes::Error, built: Comes::Error, ..NOTHING };
        under_a_filter(FCNTL, "fcntl(F_DUPFD_CLOEXEC)", later);
    });
}

#[test]
fn i19_a_filter_of_new_threads() {
    in_a_process_of_its_own(|| {
        let built = Then { built: Comes::Error, ..NOTHING };
        under_a_filter(&[libc::SYS_clone3, libc::SYS_clone], "clone3", built);
    });
}

/// A thread would take the program's signals (rule I21).
// Caught: a mask whose refusal is ignored: the thread takes the program's signals.
#[test]
fn i21_a_filter_of_rt_sigprocmask() {
    in_a_process_of_its_own(|| {
        let built = Then { built: Comes::Error, ..NOTHING };
        under_a_filter(&[libc::SYS_rt_sigprocmask], "rt_sigprocmask", built);
    });
}

/// The threads have no names then.
#[test]
fn i19_a_filter_of_prctl() {
    in_a_process_of_its_own(|| under_a_filter(&[libc::SYS_prctl], "prctl", NOTHING));
}

/// What sysfs and proc would say is not known then.
#[test]
fn i19_a_filter_of_openat() {
    in_a_process_of_its_own(|| under_a_filter(&[libc::SYS_openat], "openat", NOTHING));
}

/// The locks pay for fences then.
#[test]
fn i19_a_filter_of_membarrier() {
    in_a_process_of_its_own(|| under_a_filter(&[libc::SYS_membarrier], "membarrier", NOTHING));
}

/// Both ways to look. The other interrupt's look is refused, too.
#[test]
fn i19_a_filter_of_every_look() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (interrupt, device) = nic(None).unwrap();
            interrupt.enable().unwrap();
            serves(&interrupt, &device);
            refuse(&[libc::SYS_preadv2, libc::SYS_read], EPERM, Whom::ThisProcess);
            device.signal();
            faults(&interrupt, "read");
            is_quiet();
        });
    });
}

/// A policy is a wish: what is refused is in its answer.
#[test]
fn p2_a_filter_of_policies() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let eventfd = Eventfd::new().unwrap();
            let device = eventfd.signaller();
            let policy = Policy::new().with_affinity(Affinity::All).with_priority(Priority::High);
            let interrupt = counting!(eventfd).policy(policy).build().unwrap();
            refuse(&[libc::SYS_sched_setaffinity, libc::SYS_sched_setscheduler], EPERM, Whom::ThisProcess);
            interrupt.enable().unwrap();
            serves(&interrupt, &device);
            let answer = interrupt.policy_answer();
            for (answer, call) in [(answer.thread, "sched_setaffinity"), (answer.priority, "sched_setscheduler")] {
                let Answer::Refused(error) = answer else { panic!("{answer:?}") };
                assert!(format!("{error:#}").contains(call), "{error:#}");
            }
            is_quiet();
        });
    });
}

/// A device's registers can't be mapped. For one thread only: a process without it soon has no memory.
#[test]
fn i19_a_filter_of_mmap() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let (interrupt, device) = nic(None).unwrap();
            interrupt.enable().unwrap();
            let registers = rustix::fs::memfd_create("registers", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
            rustix::fs::ftruncate(&registers, 4096).unwrap();
            let refusing = thread::spawn(move || {
                let page = || MappedRegisters::map(registers.as_fd(), 0, 4096);
                drop(page().unwrap());
                refuse(MMAP, EPERM, Whom::ThisThread);
                let sentence = format!("{:#}", page().unwrap_err());
                assert!(sentence.contains("mmap: Operation not permitted"), "{sentence}");
            });
            refusing.join().unwrap();
            serves(&interrupt, &device);
            is_quiet();
        });
    });
}

/// A worker whose sleeps are refused sleeps by the clock.
// Caught: a worker that spins.
#[test]
fn i19_a_filter_of_a_workers_futex() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let worked = Arc::new(AtomicU64::new(0));
            let theirs = worked.clone();
            let (eventfd, mut is_refused) = (Eventfd::new().unwrap(), false);
            let device = eventfd.signaller();
            let interrupt = Interrupt::builder(())
                .isr(|nic| {
                    nic.queue_work_item();
                    Claim::Claimed
                })
                .work_item(move |_| {
                    if !std::mem::replace(&mut is_refused, true) {
                        refuse(&[libc::SYS_futex], EPERM, Whom::ThisThread);
                    }
                    theirs.fetch_add(1, SeqCst);
                })
                .source(eventfd)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            for number in 1..=20 {
                device.signal();
                until(|| worked.load(SeqCst) == number);
            }
            is_quiet();
            device.signal();
            until(|| worked.load(SeqCst) == 21);
            // Its end would have to wait for the worker, which could wake nobody.
            std::mem::forget(interrupt);
        });
    });
}

/// `futex` is how threads sleep, in this crate's dependencies and in Rust's own library. Without it no thread is started. (If
/// a filter comes later, threads that meet spin or panic: the contract says so.)
// Caught: a thread that is started without a look, and spins.
#[test]
fn i19_a_filter_of_futex() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let refusing = thread::spawn(|| {
                refuse(&[libc::SYS_futex], EPERM, Whom::ThisThread);
                names(&nic(None).unwrap_err(), "futex");
            });
            refusing.join().unwrap();
            is_quiet();
        });
    });
}
