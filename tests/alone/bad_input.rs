//! A mistake of a driver or an operator is refused with an error that names it, and leaves no thread and no descriptor
//! behind. In a process of its own, because it counts the threads and descriptors of the process, and takes its
//! descriptors away.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use interrupt_lock::simulated::Edu;
use interrupt_lock::{
    Affinity, Claim, Device, Dispatcher, Error, Interrupt, Policy, Polling, ProcessorSet, SourceError, State,
    Transition,
};
use interrupt_lock::{
    linux::{Eventfd, Uio},
    source::Software,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::alone::in_a_process_of_its_own;
use support::log::Log;
use support::script::Script;
use support::{LONG, comes, until, watchdog};

// Caught: a refused interrupt whose threads go on; one whose source is kept; an enable that fails half-way and leaves its
// duplicate of the descriptor, or is not undone; an error that does not say of what, or why.
#[test]
fn e6_mistakes_leave_nothing_behind() {
    if !support::has_proc() {
        return;
    }
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let threads = open().0;
            make_every_mistake();
            // What the first use of anything leaves for good (a lazily opened file) is not counted.
            settle((threads, usize::MAX));
            let before = open();
            for _ in 0..10 {
                make_every_mistake();
            }
            settle(before);
            with_too_few_descriptors();
            settle(before);
        });
    });
}

fn open() -> (usize, usize) {
    let count = |directory| fs::read_dir(directory).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// A thread that ends on its own needs a moment to go.
fn settle(before: (usize, usize)) {
    let more = || open().0 > before.0 || open().1 > before.1;
    assert!(comes(|| !more()), "{before:?} threads and descriptors have become {:?}", open());
}

/// Checks that `answer` is an error with this reason, whose text begins with what it is about.
#[track_caller]
fn refused<R: std::fmt::Debug>(answer: Result<R, Error>, about: &str, why: &str) {
    let sentence = format!("{:#}", answer.unwrap_err());
    assert!(sentence.starts_with(&format!("{about}: ")) && sentence.contains(why), "{sentence}");
}

fn make_every_mistake() {
    let nic = || {
        let (source, _) = Script::descriptor(&Log::new());
        Interrupt::builder(()).name("nic").isr(|_| Claim::Claimed).work_item(|_| ()).source(source)
    };
    let specified = |set| Policy::new().with_affinity(Affinity::Specified(set));
    refused(nic().policy(specified(ProcessorSet::new(0))).build(), "nic", "processor set");
    refused(nic().policy(specified(ProcessorSet::new(1).in_group(1023))).build(), "nic", "65472");
    refused(nic().overdue_after(Duration::ZERO).build(), "nic", "overdue_after");
    refused(nic().poll_when_silent(Duration::ZERO).build(), "nic", "poll_when_silent");
    refused(nic().without_dispatcher().polling(Polling::Fixed(LONG)).build(), "nic", "polling");
    refused(nic().overdue_after(LONG).automatic_serialization().build(), "nic", "need a `device`");
    refused(nic().wake_capable().build(), "nic", "need a `device`");
    let (edge, _) = Software::edge();
    refused(Interrupt::builder(()).isr(|_| Claim::Claimed).source(edge).shared().build(), "interrupt", "shared");

    // What is no interrupt source.
    refused(Uio::open("/dev/null"), "/dev/null", "not a UIO device");
    refused(Uio::open("/dev/no-uio"), "/dev/no-uio", "No such file");
    refused(Eventfd::from_fd(File::open("/dev/null").unwrap().into()), "eventfd", "/dev/null");
    #[cfg(target_pointer_width = "64")]
    {
        use interrupt_lock::linux::vfio;

        refused(vfio::PciDevice::open("ffff:ff:1f.7"), "ffff:ff:1f.7", "no such PCI device");
        refused(vfio::PciDevice::open("edu"), "edu", "no address");
    }

    // What is another's already.
    let device = Edu::new();
    let _line = device.line().unwrap();
    refused(device.line(), "simulated edu", "taken already");
    refused(device.message(), "simulated edu", "taken already");
    let file = File::from(rustix::fs::memfd_create("uio", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    let again = || -> OwnedFd {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        File::options().read(true).write(true).open(path).unwrap().into()
    };
    let _uio = Uio::from_fd(again()).unwrap();
    refused(Uio::from_fd(again()), "UIO device", "in use");

    // What the device has not. Its device is up all the same; by itself it is refused.
    let device = Device::builder("nic").build();
    let (source, script) = Script::descriptor(&Log::new());
    let vector = Interrupt::builder(()).name("vector 7").isr(|_| Claim::Claimed).device(&device).source(source).build();
    let vector = vector.unwrap();
    let not_granted = SourceError::NotGranted { message: 7, granted: 4 };
    script.fail("connect", not_granted.clone());
    assert_eq!(device.enter_d0().unwrap().not_granted(), [vector.name().clone()]);
    assert_eq!(vector.state(), State::Disabled);
    script.fail("connect", not_granted);
    refused(vector.enable(), "vector 7", "message 7 was not granted");
}

fn with_too_few_descriptors() {
    let nic = || Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ());
    too_few("eventfd", "making an eventfd", Eventfd::new);
    too_few("interrupts", "a thread that serves or watches it could not be started", Dispatcher::new);
    too_few("nic", "a thread that serves or watches it could not be started", || {
        nic().name("nic").source(Software::edge().0).build()
    });

    // An interrupt that can't be enabled, and one that is enabled before it and has to be disabled again.
    let device = Device::builder("device").build();
    let log = Log::new();
    let (source, script) = Script::descriptor(&log);
    let first = nic().name("first").source(Software::edge().0).device(&device).build().unwrap();
    let second = nic().name("second").source(source).device(&device).build().unwrap();
    let both = || (first.state(), second.state());
    too_few("second", "the source's descriptor", || {
        let entered = device.enter_d0();
        assert!(entered.is_ok() || both() == (State::Disabled, State::Disabled), "{:?}", both());
        assert!(entered.is_ok() || !log.contains("connect"));
        // As it was, for the next limit, and for the count.
        entered.inspect(|_| _ = device.exit_d0().unwrap())
    });
    assert_eq!(device.enter_d0().unwrap(), Transition::Done);
    script.assert();
    until(|| second.stats().claimed != 0);
}

/// Makes the attempt with every limit of descriptors that is too low for it, so that it fails at each point where it
/// opens one. Then makes it once with enough.
fn too_few<R: std::fmt::Debug>(about: &str, doing: &str, mut attempt: impl FnMut() -> Result<R, Error>) {
    let (before, ample) = (open(), getrlimit(Resource::Nofile));
    // Under a limit of 0 a duplicate is an invalid argument.
    for limit in 1.. {
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), ..ample }).unwrap();
        let answer = attempt();
        setrlimit(Resource::Nofile, ample).unwrap();
        let enough = answer.is_ok();
        if enough {
            drop(answer);
        } else {
            let error = answer.unwrap_err();
            assert!(format!("{error:#}").ends_with("Too many open files (os error 24)"), "{error:#}");
            refused(Err::<R, _>(error), about, doing);
        }
        settle(before);
        if enough {
            assert!(limit > 1, "it needs no descriptor");
            return;
        }
    }
}
