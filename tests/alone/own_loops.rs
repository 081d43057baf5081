//! What a driver's own loop waits on, where the system has no descriptor left, or the source panics. In a process of its own
//! each, because the limit of descriptors is the process's.

use std::os::fd::OwnedFd;

use interrupt_lock::source::{Removal, Source};
use interrupt_lock::{Claim, Error, ErrorKind, Fault, Interrupt, NoWorkItem, State};
use support::alone::in_a_process_of_its_own;
use support::kind;
use support::log::Log;
use support::script::{Script, ScriptHandle};

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

/// How a driver asks for a descriptor, and what makes it readable.
type Way = (fn(&Interrupt<u64, NoWorkItem>) -> Result<Option<OwnedFd>, Error>, fn(&ScriptHandle));

// Caught: an instance that is kept with nothing in it.
#[test]
fn i22_a_descriptor_that_was_refused_once_is_heard_the_next_time() {
    let both: [Way; 2] = [
        (|interrupt| interrupt.descriptor(), ScriptHandle::assert),
        (|interrupt| interrupt.removal_descriptor(), |device| device.remove(Removal::Surprise)),
    ];
    in_a_process_of_its_own(|| {
        for (descriptor, makes_readable) in both {
            let (source, device) = Script::descriptor(&Log::new());
            let interrupt = own_loop(source);
            interrupt.enable().unwrap();
            let limit = leave_free(1);
            let refused = descriptor(&interrupt);
            restore(limit);
            assert!(matches!(kind(&refused), Some(ErrorKind::Source(_))), "{refused:?}");
            let shown = descriptor(&interrupt).unwrap().unwrap();
            assert!(!is_readable(&shown));
            makes_readable(&device);
            assert!(is_readable(&shown), "the loop hears nothing");
        }
    });
}

// Caught: a source that stays connected.
#[test]
fn i22_an_enable_that_can_not_show_the_descriptor_connects_nothing() {
    in_a_process_of_its_own(|| {
        let log = Log::new();
        let interrupt = own_loop(Script::descriptor(&log).0);
        let _signal = interrupt.descriptor().unwrap().unwrap();
        log.take();
        let limit = leave_free(0);
        let refused = interrupt.enable();
        restore(limit);
        assert!(matches!(kind(&refused), Some(ErrorKind::Source(_))), "{refused:?}");
        assert_eq!(interrupt.state(), State::Disabled);
        assert!(!log.contains("connect"));
        interrupt.enable().unwrap();
        assert!(log.contains("connect"));
    });
}

// Caught: a panic that unwinds into the driver's loop.
#[test]
fn i22_a_panic_of_the_source_is_a_fault() {
    in_a_process_of_its_own(|| {
        let (source, device) = Script::descriptor(&Log::new());
        device.on("ready", || panic!("planned"));
        let interrupt = own_loop(source);
        let answer = interrupt.descriptor();
        assert!(matches!(kind(&answer), Some(ErrorKind::Faulted(Fault::Panicked { .. }))), "{answer:?}");
        assert_eq!(interrupt.state(), State::Faulted);
    });
}
