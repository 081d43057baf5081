//! The eventfd source, own and given.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    task::Waker,
    thread,
};

use interrupt_lock::{
    Claim, Delivery, ErrorKind, Interrupt, NoWorkItem, SourceError, Trigger,
    linux::Eventfd,
    source::{Ready, Source},
};
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::{FdFlags, fcntl_getfd},
};

fn is_ready(source: &mut Eventfd) -> bool {
    let Ready::Descriptor(descriptor) = source.ready() else {
        panic!("an eventfd is waited for by its descriptor");
    };
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN)];
    poll(&mut descriptors, Some(&Timespec::default())).unwrap() == 1
}

fn refusal(given: impl Into<OwnedFd>) -> String {
    format!("{:#}", Eventfd::from_fd(given.into()).unwrap_err())
}

// Broken by reading in semaphore mode: each `take` gives 1.
#[test]
fn i3_signals_coalesce_and_are_counted() {
    let mut source = Eventfd::new().unwrap();
    let signallers: Vec<_> = (0..4)
        .map(|_| {
            let signaller = source.signaller();
            thread::spawn(move || (0..1000).for_each(|_| signaller.signal()))
        })
        .collect();
    let mut taken = 0;
    while !signallers.iter().all(|thread| thread.is_finished()) {
        taken += source.take().unwrap();
    }
    taken += source.take().unwrap();
    assert_eq!(taken, 4000);
    assert_eq!(source.take(), Ok(0));
}

#[test]
fn it_is_ready_from_a_signal_until_that_is_taken() {
    let mut source = Eventfd::new().unwrap();
    source.connect(Waker::noop()).unwrap();
    assert!(!is_ready(&mut source));
    source.signaller().signal();
    assert!(is_ready(&mut source));
    assert_eq!(source.take(), Ok(1));
    assert!(!is_ready(&mut source));
    assert_eq!(source.info().trigger, Some(Trigger::Edge));
}

// Broken by dropping the count in `disconnect`.
#[test]
fn what_was_signalled_before_the_disconnect_stays_to_be_taken() {
    let mut source = Eventfd::new().unwrap();
    source.connect(Waker::noop()).unwrap();
    source.signaller().signal();
    source.disconnect().unwrap();
    assert_eq!(source.take(), Ok(1));
}

#[test]
fn the_signaller_outlives_the_source() {
    let signaller = Eventfd::new().unwrap().signaller();
    signaller.clone().signal();
}

// Broken by leaving the descriptor as it is given: `take` blocks for ever.
#[test]
fn a_given_eventfd_is_made_non_blocking_and_closed_on_exec() {
    let theirs = eventfd(3, EventfdFlags::empty()).unwrap();
    let mut source = Eventfd::from_fd(theirs.try_clone().unwrap()).unwrap();
    assert_eq!(source.take(), Ok(3));
    assert_eq!(source.take(), Ok(0));
    assert!(fcntl_getfd(&source).unwrap().contains(FdFlags::CLOEXEC));
    rustix::io::write(&theirs, &2_u64.to_ne_bytes()).unwrap();
    assert_eq!(source.take(), Ok(2));
}

#[test]
fn what_is_no_eventfd_is_refused_with_its_name() {
    if !support::has_proc() {
        return;
    }
    let null = File::open("/dev/null").unwrap();
    assert_eq!(refusal(null), "eventfd: could not be set up: the descriptor is not an eventfd but /dev/null");
    let timer =
        rustix::time::timerfd_create(rustix::time::TimerfdClockId::Monotonic, rustix::time::TimerfdFlags::empty());
    assert_eq!(
        refusal(timer.unwrap()),
        "eventfd: could not be set up: the descriptor is not an eventfd but anon_inode:[timerfd]"
    );
}

#[test]
fn semaphore_mode_is_refused_where_the_kernel_tells() {
    let semaphore = eventfd(2, EventfdFlags::SEMAPHORE).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&semaphore);
    let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"))
        .is_ok_and(|text| text.contains("eventfd-semaphore"));
    match Eventfd::from_fd(semaphore) {
        Err(error) => assert!(matches!(error.kind(), ErrorKind::Open(SourceError::Refused(_)))),
        Ok(_) => assert!(!told),
    }
}

#[test]
fn its_descriptor_is_the_signallers_too() {
    let mut source = Eventfd::new().unwrap();
    rustix::io::write(source.signaller().as_fd(), &5_u64.to_ne_bytes()).unwrap();
    assert_eq!(source.take(), Ok(5));
}

/// What is withheld is summed, and the sum stays at the maximum: the ISR runs once for all of it.
// Caught: a sum that wraps, and comes to nothing.
#[test]
fn i3_a_huge_count_does_not_wrap() {
    let source = Eventfd::new().unwrap();
    let counter = source.signaller();
    let write = |count: u64| rustix::io::write(counter.as_fd(), &count.to_ne_bytes()).unwrap();
    let interrupt: Interrupt<Vec<u64>, NoWorkItem> = Interrupt::builder(Vec::new())
        .isr(|counts| {
            let assertions = counts.assertions();
            counts.push(assertions);
            Claim::Claimed
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    let most = usize::MAX as u64;
    for round in 1..=2 {
        interrupt.report_inactive().unwrap();
        for count in [u64::MAX - 1, 2] {
            write(count);
            assert_eq!(interrupt.service(), Delivery::Withheld);
        }
        interrupt.report_active().unwrap();
        assert_eq!(interrupt.acquire_interrupt_lock().len(), round);
    }
    assert_eq!(*interrupt.acquire_interrupt_lock(), [most, most]);
    let stats = interrupt.stats();
    assert_eq!((stats.claimed, stats.coalesced), (2, most), "the sum of two runs stays at the maximum, too");

    // What goes stale is summed in the same way.
    interrupt.report_inactive().unwrap();
    for count in [u64::MAX - 1, 2] {
        write(count);
        assert_eq!(interrupt.service(), Delivery::Withheld);
    }
    interrupt.disable().unwrap();
    write(7);
    interrupt.enable().unwrap();
    assert_eq!(interrupt.stats().stale, most);
}
