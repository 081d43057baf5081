//! Descriptors of the crate's that other code closes or replaces, against Rust's I/O safety (rule I18). In a process of its
//! own, because a number that has become free may become anybody's.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use interrupt_lock::linux::Eventfd;
use interrupt_lock::{Claim, Dispatcher, Fault, Interrupt, NoWorkItem, State};
use support::alone::in_a_process_of_its_own;
use support::{until, watchdog};

/// Puts another file in the place of a descriptor.
fn replace(descriptor: RawFd, file: &File) {
    // SAFETY: the number is one of this process's. That it is another's is what the tests are about.
    assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), descriptor) }, descriptor);
}

/// An interrupt that is enabled, and a descriptor of its eventfd that nobody closes.
fn served(dispatcher: &Dispatcher) -> (Interrupt<(), NoWorkItem>, File, RawFd) {
    let eventfd = Eventfd::new().unwrap();
    let (device, number) = (eventfd.as_fd().try_clone_to_owned().unwrap(), eventfd.as_fd().as_raw_fd());
    let builder = Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).source(eventfd);
    let interrupt = builder.dispatcher(dispatcher).build().unwrap();
    interrupt.enable().unwrap();
    (interrupt, device.into(), number)
}

fn signal(device: &File) {
    rustix::io::write(device, &1_u64.to_ne_bytes()).unwrap();
}

#[track_caller]
fn faults(interrupt: &Interrupt<(), NoWorkItem>, said: &str) {
    until(|| interrupt.state() == State::Faulted);
    let Some(Fault::Source(error)) = interrupt.fault() else { panic!("{:?}", interrupt.fault()) };
    assert!(format!("{error:#}").contains(said), "{error:#}");
}

/// The dispatcher has a descriptor of its own for the eventfd, so it is told. The source looks at its number.
// Caught: a look at what is no eventfd that counts as none.
#[test]
fn i18_a_descriptor_that_others_close_or_replace() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let null = File::open("/dev/null").unwrap();
            let (beside, of_beside, _) = served(&dispatcher);
            for (served_before, closes) in [true, false].into_iter().enumerate() {
                let (interrupt, device, number) = served(&dispatcher);
                if closes {
                    // SAFETY: as in `replace`.
                    assert_eq!(unsafe { libc::close(number) }, 0);
                } else {
                    replace(number, &null);
                }
                signal(&device);
                faults(&interrupt, if closes { "preadv2: Bad file descriptor" } else { "preadv2: Invalid argument" });
                signal(&of_beside);
                until(|| beside.stats().claimed == served_before as u64 + 1);
                // The source closes its number.
                replace(number, &null);
                drop(interrupt);
            }
        });
    });
}

/// The thread's next wait fails, which is told to all that it serves.
// Caught: a wait that is taken for an interrupted one.
#[test]
fn i18_a_dispatcher_whose_descriptor_others_replace() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let dispatcher = Dispatcher::new().unwrap();
            let (interrupt, device, _) = served(&dispatcher);
            let epoll = fs::read_dir("/proc/self/fd").unwrap().find_map(|entry| {
                let path = entry.unwrap().path();
                let is_epoll = fs::read_link(&path).is_ok_and(|target| target.ends_with("anon_inode:[eventpoll]"));
                is_epoll.then(|| path.file_name().unwrap().to_str().unwrap().parse().unwrap())
            });
            replace(epoll.unwrap(), &File::open("/dev/null").unwrap());
            signal(&device);
            faults(&interrupt, "epoll_wait: Invalid argument");
            interrupt.clear_fault().unwrap();
            let error = format!("{:#}", interrupt.enable().unwrap_err());
            assert!(error.contains("nic") && error.contains("epoll_ctl"), "{error}");
        });
    });
}
