//! Filters that refuse the calls which a dispatcher needs, as a sandbox does that is put up late (rules I18, I19). In a
//! process of its own each, because a filter stays.

use std::fs;
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::{Claim, Dispatcher, Error, ErrorKind, Fault, Interrupt, NoWorkItem, State};
use libc::{ENOSYS, EPERM};
use support::alone::in_a_process_of_its_own;
use support::seccomp::{Whom, refuse};
use support::{comes, let_it_block, until, watchdog};

const WAITS: [libc::c_long; 3] = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2];

type Counter = Interrupt<u64, NoWorkItem>;

/// An interrupt that counts its assertions, and what asserts it.
fn nic(dispatcher: Option<&Dispatcher>) -> Result<(Counter, EventfdSignaller), Error> {
    let eventfd = Eventfd::new()?;
    let device = eventfd.signaller();
    let builder = Interrupt::builder(0).name("nic").source(eventfd).isr(|cx| {
        **cx += cx.assertions();
        Claim::Claimed
    });
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
    assert!(comes(|| served() == 10 || interrupt.fault().is_some()), "{} of 10", served());
    assert_eq!((served(), interrupt.fault()), (10, None));
}

/// Waits for the fault of a call that was refused, which names the call.
#[track_caller]
fn faults(interrupt: &Counter, call: &str) {
    assert!(comes(|| interrupt.state() == State::Faulted), "{:?}", interrupt.state());
    let Some(Fault::Source(error)) = interrupt.fault() else { panic!("{:?}", interrupt.fault()) };
    let sentence = format!("{error:#}");
    assert!(sentence.contains(call) && sentence.contains("Operation not permitted"), "{sentence}");
    let refused = interrupt.enable().unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Faulted(_)) && refused.name().as_str() == "nic", "{refused:#}");
}

/// How much processor time this process has had, in the system's ticks.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].map(|field: usize| fields[field].parse::<u64>().unwrap()).iter().sum()
}

/// A thread that spins has all of the processor's 100 ticks a second, or its share of them on a busy machine.
fn is_quiet() {
    let before = ticks();
    thread::sleep(Duration::from_secs(1));
    let used = ticks() - before;
    assert!(used < 10, "{used} of 100 ticks in a quiet second");
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
            refuse(&WAITS, EPERM, Whom::ThisProcess);
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
            refuse(&WAITS, EPERM, Whom::ThisProcess);
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
            let (interrupt, device) = nic(None).unwrap();
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
            let interrupt = Interrupt::builder(0)
                .isr(|cx| {
                    **cx += cx.assertions();
                    Claim::Claimed
                })
                .source(eventfd)
                .poll_when_silent(Duration::from_secs(100 * 24 * 60 * 60))
                .build()
                .unwrap();
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
            use interrupt_lock::source::Software;

            let (source, line) = Software::edge();
            let interrupt = Interrupt::builder(0)
                .isr(|cx| {
                    **cx += cx.assertions();
                    Claim::Claimed
                })
                .source(source)
                .build()
                .unwrap();
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
