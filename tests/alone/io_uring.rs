//! A dispatcher that waits with an io_uring, under filters, in forked children, and at its end (rules P2, I19, I20, E6).
//! In a process of its own each, because a filter stays, a fork copies all of it, and descriptors are counted.

use std::fs;
use std::sync::mpsc;
use std::thread;

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::source::Software;
use interrupt_lock::{Answer, Claim, Dispatcher, Fault, Interrupt, NoWorkItem, State};
use libc::{ENOSYS, EPERM};
use support::alone::in_a_process_of_its_own;
use support::forks::Fork;
use support::seccomp::{Whom, refuse};
use support::{comes, has_proc, until, watchdog};

type Counter = Interrupt<u64, NoWorkItem>;

fn nic(dispatcher: &Dispatcher) -> (Counter, EventfdSignaller) {
    let eventfd = Eventfd::new().unwrap();
    let device = eventfd.signaller();
    let interrupt = Interrupt::builder(0)
        .isr(|count| {
            **count += count.assertions();
            Claim::Claimed
        })
        .source(eventfd)
        .dispatcher(dispatcher)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, device)
}

#[track_caller]
fn serves((interrupt, device): &(Counter, EventfdSignaller)) {
    let before = *interrupt.acquire_interrupt_lock();
    (0..10).for_each(|_| device.signal());
    let served = || *interrupt.acquire_interrupt_lock() - before;
    assert!(comes(|| served() == 10), "{} of 10, {:?}", served(), interrupt.fault());
}

/// A dispatcher with an io_uring, if the system grants it.
fn granted() -> Option<Dispatcher> {
    let dispatcher = Dispatcher::with_io_uring().unwrap();
    (dispatcher.io_uring() == Answer::Taken).then_some(dispatcher)
}

/// Each of the calls that an io_uring needs, and both answers of a filter.
// Caught: a refused call that is an error of the dispatcher's, or is not told; a ring that is taken for granted before the call
// that waits has been tried.
#[test]
fn p2_a_filter_of_io_uring_leaves_epoll() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            if granted().is_none() {
                return;
            }
            let calls = [
                (libc::SYS_io_uring_setup, "io_uring_setup"),
                (libc::SYS_io_uring_register, "io_uring_register"),
                (libc::SYS_io_uring_enter, "io_uring_enter"),
            ];
            for (call, name) in calls {
                for errno in [EPERM, ENOSYS] {
                    let refused = thread::spawn(move || {
                        refuse(&[call], errno, Whom::ThisThread);
                        let dispatcher = Dispatcher::with_io_uring().unwrap();
                        let Answer::Refused(why) = dispatcher.io_uring() else { panic!("{:?}", dispatcher.io_uring()) };
                        assert!(format!("{why:#}").contains(&format!("needs Linux 6.7: {name}")), "{why:#}");
                        serves(&nic(&dispatcher));
                    });
                    refused.join().unwrap();
                }
            }
        });
    });
}

// Caught: a refused wait that faults nobody.
#[test]
fn i19_a_late_filter_of_io_uring_faults_all() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let Some(dispatcher) = granted() else { return };
            let (software, _edge) = Software::edge();
            let other = Interrupt::<_, NoWorkItem>::builder(0_u64).isr(|_| Claim::Claimed).source(software);
            let other = other.dispatcher(&dispatcher).build().unwrap();
            other.enable().unwrap();
            let nics = [nic(&dispatcher), nic(&dispatcher)];
            nics.iter().for_each(serves);
            refuse(&[libc::SYS_io_uring_enter], EPERM, Whom::ThisProcess);
            // The wait that is under way ends with this assertion, which is served. The next is refused.
            nics[0].1.signal();
            for interrupt in [&other, &nics[0].0, &nics[1].0] {
                assert!(comes(|| interrupt.state() == State::Faulted), "{:?}", interrupt.state());
                let Some(Fault::Source(why)) = interrupt.fault() else { panic!("{:?}", interrupt.fault()) };
                assert!(format!("{why:#}").contains("io_uring_enter: Operation not permitted"), "{why:#}");
            }
            assert_eq!(*nics[0].0.acquire_interrupt_lock(), 11);
            // The system refuses still, and says so again.
            other.clear_fault().unwrap();
            other.enable().unwrap();
            assert!(comes(|| other.state() == State::Faulted), "{:?}", other.state());
            drop(nics);
        });
    });
}

/// The thread that waits is woken all the same: for a raise, and by a disable, which waits for it.
// Caught: a wake-up by writing alone.
#[test]
fn i19_a_wake_up_of_a_ring_that_can_not_be_written() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::with_io_uring().unwrap();
            let (source, edge) = Software::edge();
            let builder = Interrupt::<_, NoWorkItem>::builder(0_u64).isr(|count| {
                **count += 1;
                Claim::Claimed
            });
            let interrupt = builder.source(source).dispatcher(&dispatcher).build().unwrap();
            interrupt.enable().unwrap();
            let (nic, _device) = nic(&dispatcher);
            thread::scope(|scope| {
                scope.spawn(|| {
                    refuse(&[libc::SYS_write], EPERM, Whom::ThisThread);
                    for round in 1..=100 {
                        edge.assert();
                        until(|| *interrupt.acquire_interrupt_lock() == round);
                        nic.disable().unwrap();
                        nic.enable().unwrap();
                    }
                });
            });
        });
    });
}

// Caught: a child that waits with its parent's ring: it takes what the parent has to serve.
#[test]
fn i20_an_isr_on_a_ring_may_fork() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::with_io_uring().unwrap();
            let (eventfd, fork, (tell, status)) = (Eventfd::new().unwrap(), Fork::default(), mpsc::channel());
            let device = eventfd.signaller();
            let builder = Interrupt::<_, NoWorkItem>::builder(0_u64).isr(move |count| {
                if **count == 0 {
                    fork.here().into_iter().for_each(|status| tell.send(status).unwrap());
                }
                **count += count.assertions();
                Claim::Claimed
            });
            let interrupt = builder.source(eventfd).dispatcher(&dispatcher).build().unwrap();
            interrupt.enable().unwrap();
            device.signal();
            status.recv().unwrap();
            let nic = (interrupt, device);
            (0..100).for_each(|_| serves(&nic));
        });
    });
}

// Caught: a duplicate that is kept by the ring after a disable, or by the dispatcher after its end.
#[test]
fn e6_a_ring_leaves_no_descriptor() {
    if !has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let open = || fs::read_dir("/proc/self/fd").unwrap().count();
            let everything = || {
                let dispatcher = Dispatcher::with_io_uring().unwrap();
                let nics: Vec<_> = (0..10).map(|_| nic(&dispatcher)).collect();
                nics.iter().for_each(serves);
                let enabled = open();
                nics.iter().for_each(|(interrupt, _)| _ = interrupt.disable().unwrap());
                assert!(comes(|| open() == enabled - nics.len()), "{enabled} descriptors have become {}", open());
            };
            everything();
            let before = open();
            (0..20).for_each(|_| everything());
            assert!(comes(|| open() <= before), "{before} descriptors have become {}", open());
        });
    });
}
