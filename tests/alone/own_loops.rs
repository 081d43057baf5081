//! What a driver's own loop waits on, where the system has no descriptor left, or the source panics. In a process of its own
//! each, because the limit of descriptors is the process's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Waker;

use interrupt_lock::linux::Eventfd;
use interrupt_lock::source::{Ready, Source};
use interrupt_lock::{Claim, ErrorKind, Fault, Info, Interrupt, NoWorkItem, SourceError, State};
use support::alone::in_a_process_of_its_own;
use support::kind;

/// Whether a loop would be woken.
fn is_readable(descriptor: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
}

/// Opens descriptors until `free` are left.
fn leave_free(free: libc::rlim_t) -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        // The lowest number that is free: all below it are in use, as descriptors are given from the lowest on.
        let lowest = libc::dup(2);
        libc::close(lowest);
        let new = libc::rlimit { rlim_cur: libc::rlim_t::try_from(lowest).unwrap() + free, rlim_max: limit.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const new), 0);
    }
    limit
}

fn restore(limit: libc::rlimit) {
    // SAFETY: a plain call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

fn own_loop(source: impl Source + 'static) -> Interrupt<u64, NoWorkItem> {
    Interrupt::builder(0_u64)
        .isr(|count| {
            **count += count.assertions();
            Claim::Claimed
        })
        .source(source)
        .without_dispatcher()
        .build()
        .unwrap()
}

/// An eventfd for the removal, too.
struct Removable(Eventfd, Eventfd);

impl Source for Removable {
    fn info(&self) -> Info {
        self.0.info()
    }
    fn ready(&mut self) -> Ready<'_> {
        self.0.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.0.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.0.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.0.take()
    }
    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        Some(self.1.as_fd())
    }
}

const PANICS: usize = 1000;

/// A source that counts its connections, and panics where it is told to.
struct Changing(Eventfd, Arc<AtomicUsize>);

impl Source for Changing {
    fn info(&self) -> Info {
        self.0.info()
    }
    fn ready(&mut self) -> Ready<'_> {
        assert_ne!(self.1.load(SeqCst), PANICS, "planned");
        self.0.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.1.fetch_add(1, SeqCst);
        self.0.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.0.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.0.take()
    }
}

// Caught: an instance that is kept with nothing in it.
#[test]
fn i22_a_descriptor_that_was_refused_once_is_heard_the_next_time() {
    in_a_process_of_its_own(|| {
        let eventfd = Eventfd::new().unwrap();
        let device = eventfd.signaller();
        let interrupt = own_loop(eventfd);
        interrupt.enable().unwrap();
        let limit = leave_free(1);
        let refused = interrupt.descriptor();
        restore(limit);
        assert!(refused.is_err());
        let signal = interrupt.descriptor().unwrap().unwrap();
        device.signal();
        assert!(is_readable(&signal), "the loop hears nothing");
    });
}

// Caught: as above.
#[test]
fn i22_a_removal_descriptor_that_was_refused_once_is_heard_the_next_time() {
    in_a_process_of_its_own(|| {
        let (eventfd, removal) = (Eventfd::new().unwrap(), Eventfd::new().unwrap());
        let device = removal.signaller();
        let interrupt = own_loop(Removable(eventfd, removal));
        let limit = leave_free(1);
        let refused = interrupt.removal_descriptor();
        restore(limit);
        assert!(refused.is_err());
        let removal = interrupt.removal_descriptor().unwrap().unwrap();
        device.signal();
        assert!(is_readable(&removal), "the loop hears nothing");
    });
}

// Caught: a source that stays connected.
#[test]
fn i22_an_enable_that_can_not_show_the_descriptor_connects_nothing() {
    in_a_process_of_its_own(|| {
        let connects = Arc::new(AtomicUsize::new(0));
        let interrupt = own_loop(Changing(Eventfd::new().unwrap(), connects.clone()));
        let _signal = interrupt.descriptor().unwrap().unwrap();
        let limit = leave_free(0);
        let refused = interrupt.enable();
        restore(limit);
        assert!(matches!(kind(&refused), Some(ErrorKind::Source(_))), "{refused:?}");
        assert_eq!((interrupt.state(), connects.load(SeqCst)), (State::Disabled, 0));
        interrupt.enable().unwrap();
        assert_eq!(connects.load(SeqCst), 1);
    });
}

// Caught: a panic that unwinds into the driver's loop.
#[test]
fn i22_a_panic_of_the_source_is_a_fault() {
    in_a_process_of_its_own(|| {
        let interrupt = own_loop(Changing(Eventfd::new().unwrap(), Arc::new(AtomicUsize::new(PANICS))));
        let answer = interrupt.descriptor();
        assert!(matches!(kind(&answer), Some(ErrorKind::Faulted(Fault::Panicked { .. }))), "{answer:?}");
        assert_eq!(interrupt.state(), State::Faulted);
    });
}
