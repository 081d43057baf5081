//! Descriptors that others have open, too, and may do anything to (rule I18).

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use interrupt_lock::linux::{Eventfd, Uio};
use interrupt_lock::source::Source;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use support::watchdog;

/// As a peer does that has the same file open.
fn make_blocking(file: impl AsFd) {
    let flags = fcntl_getfl(&file).unwrap();
    fcntl_setfl(&file, flags - OFlags::NONBLOCK).unwrap();
}

// Caught: a look that relies on `O_NONBLOCK`: it never returns.
#[test]
fn i18_a_peer_that_clears_o_nonblock() {
    watchdog(|| {
        let mut source = Eventfd::new().unwrap();
        let device = source.signaller();
        make_blocking(&device);
        assert_eq!(source.take(), Ok(0));
        device.signal();
        assert_eq!(source.take(), Ok(1));
        assert_eq!(source.take(), Ok(0));

        let (device, mut kernel) = UnixStream::pair().unwrap();
        let shared = device.try_clone().unwrap();
        let mut source = Uio::from_fd(device.into()).unwrap();
        make_blocking(&shared);
        assert_eq!(source.take(), Ok(0));
        kernel.write_all(&7_u32.to_ne_bytes()).unwrap();
        assert_eq!(source.take(), Ok(1));
        assert_eq!(source.take(), Ok(0));
    });
}

/// A counter that others have filled: one signal more would block.
// Caught: a signal that is written whatever the counter shows.
#[test]
fn i18_a_counter_near_its_maximum() {
    watchdog(|| {
        let mut source = Eventfd::new().unwrap();
        let device = source.signaller();
        make_blocking(&device);
        rustix::io::write(&device, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        device.signal();
        assert_eq!(source.take(), Ok(u64::MAX - 1));
        device.signal();
        assert_eq!(source.take(), Ok(1));
    });
}

/// Under edge triggering, what one look leaves is never told of again.
// Caught: a look that reads once.
#[test]
fn i18_a_look_drains_to_nothing_there() {
    watchdog(|| {
        let (device, mut kernel) = UnixStream::pair().unwrap();
        let mut source = Uio::from_fd(device.into()).unwrap();
        let counts: Vec<u8> = [41_u32, 42, 44, 45, 50].iter().flat_map(|count| count.to_ne_bytes()).collect();
        kernel.write_all(&counts).unwrap();
        assert_eq!(source.take(), Ok(10)); // the interrupts before the first count are not ours
        assert_eq!(source.take(), Ok(0));
    });
}

/// An eventfd in semaphore mode that is not known as one, since the mode is not told, is drained all the same.
// Caught: one read a look.
#[test]
fn i18_a_semaphore_that_is_not_known_as_one() {
    watchdog(|| {
        let counter = eventfd(5, EventfdFlags::SEMAPHORE).unwrap();
        // Where the kernel tells, it is refused.
        if let Ok(mut source) = Eventfd::from_fd(counter) {
            assert_eq!(source.take(), Ok(5));
            assert_eq!(source.take(), Ok(0));
        }
    });
}

/// A peer that reads first leaves nothing, and that is no error.
#[test]
fn i18_a_second_reader() {
    watchdog(|| {
        let mut source = Eventfd::new().unwrap();
        let theirs: OwnedFd = source.as_fd().try_clone_to_owned().unwrap();
        make_blocking(&theirs);
        for _ in 0..100 {
            source.signaller().signal();
            rustix::io::read(&theirs, &mut [0; 8]).unwrap();
            assert_eq!(source.take(), Ok(0));
        }
    });
}

/// By whatever descriptors: the kernel says which eventfd it is, and files have numbers.
// Caught: a source that is not noted; one that is noted beyond its end; a second one that is let in.
#[test]
fn i18_two_sources_on_one_object() {
    let first = Eventfd::new().unwrap();
    let theirs = || -> OwnedFd { first.as_fd().try_clone_to_owned().unwrap() };
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", first.as_fd().as_raw_fd())).unwrap_or_default();
    let (again, last) = (theirs(), theirs());
    if info.contains("eventfd-id:") {
        let in_use = "eventfd: could not be set up: it is in use already: an eventfd is one source's at a time";
        assert_eq!(format!("{:#}", Eventfd::from_fd(theirs()).unwrap_err()), in_use);
        drop(first);
        let second = Eventfd::from_fd(again).unwrap();
        assert_eq!(format!("{:#}", Eventfd::from_fd(last).unwrap_err()), in_use);
        drop(second);
    }

    let (device, _kernel) = UnixStream::pair().unwrap();
    let device = OwnedFd::from(device);
    let first = Uio::from_fd(device.try_clone().unwrap()).unwrap();
    let in_use = "UIO device: could not be set up: it is in use already: a UIO device is one source's at a time";
    for _ in 0..2 {
        assert_eq!(format!("{:#}", Uio::from_fd(device.try_clone().unwrap()).unwrap_err()), in_use);
    }
    drop(first);
    Uio::from_fd(device).unwrap();
}

/// The kernel gives an eventfd's number to another, once the former is closed.
// Caught: a source that closes its eventfd before it gives up the right to it: an eventfd with the same number is refused.
#[test]
fn i18_a_source_that_ends_is_in_nobodys_way() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    drop(Eventfd::from_fd(eventfd(0, EventfdFlags::empty()).unwrap()).unwrap());
                }
            });
        }
    });
}
