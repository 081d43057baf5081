//! The campaign of rule I19: every call of the system that an interrupt's life needs, refused at every place and with every
//! number. Compiled for `--cfg refused_calls` alone.
//!
//! In each life some interrupts are built, enabled, asserted, disabled, enabled again and dropped, beside one that was there
//! before. A refusal has to end in an error or a fault that names the call and the interrupt. What was served is counted
//! exactly, nothing spins, and the interrupt beside them goes on. Once the system refuses nothing any more, a cleared fault
//! and an enable bring the others back. Nothing is left behind.

use std::boxed::Box;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use std::vec::Vec;

use interrupt_lock::refuse::{Plan, refuse_nothing, uses};
use interrupt_lock::source::{Software, Source};
use interrupt_lock::{
    Affinity, Claim, Dispatcher, Error, ErrorKind, Fault, Interrupt, Policy, Priority, SourceError, State, WithWorkItem,
};
use libc::{
    EACCES, EAFNOSUPPORT, EAGAIN, EBADF, EBUSY, ECONNRESET, EDEADLK, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO, EISDIR,
    ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOBUFS, ENODEV, ENOENT, ENOLCK, ENOMEM, ENOPROTOOPT, ENOSPC, ENOSYS,
    ENOTCONN, ENOTDIR, ENOTSOCK, ENOTTY, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, EPIPE, EPROTO, EPROTONOSUPPORT, EROFS,
    ESPIPE, ESRCH, ETIMEDOUT, ETXTBSY, EUSERS, c_int,
};
use rustix::time::{ClockId, clock_gettime};

use crate::{comes, step};

/// What any call may answer, to a filter above all.
const ALWAYS: [c_int; 6] = [EPERM, ENOSYS, EINTR, ENOMEM, EMFILE, EIO];

/// What the manual of each call lists beside that; of `ioctl`, what VFIO answers. Left out is what is no refusal: there is
/// nothing to read, a counter is full and so readable, a device has no driver.
const LISTED: [(&str, &[c_int]); 52] = [
    ("accept4", &[EBADF, EFAULT, EINVAL, ENFILE, ENOBUFS, ENOTSOCK, EOPNOTSUPP, EPROTO]),
    ("bind", &[EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTSOCK, EROFS]),
    ("clone3", &[EAGAIN, EBUSY, EEXIST, EINVAL, ENOSPC, EOPNOTSUPP, EUSERS]),
    ("connect", &[EACCES, EBADF, EFAULT, ENOTSOCK, ETIMEDOUT]),
    ("epoll_create1", &[EINVAL, ENFILE]),
    ("epoll_ctl", &[EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOSPC]),
    ("epoll_wait", &[EBADF, EFAULT, EINVAL]),
    ("eventfd2", &[EINVAL, ENFILE, ENODEV]),
    ("fchmod", &[EACCES, EBADF, EROFS]),
    ("fcntl", &[EACCES, EAGAIN, EBADF, EBUSY, EDEADLK, EFAULT, EINVAL, ENOLCK]),
    ("fcntl(F_DUPFD_CLOEXEC)", &[EBADF, EINVAL]),
    ("flock", &[EBADF, EINVAL, ENOLCK, EAGAIN]),
    ("futex", &[EACCES, EAGAIN, EDEADLK, EFAULT, EINVAL, ENFILE, ESRCH, ETIMEDOUT]),
    ("get_robust_list", &[EFAULT, EINVAL, ESRCH]),
    ("getdents64", &[EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR]),
    ("getsockopt", &[EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK]),
    ("io_uring_enter", &[EAGAIN, EBADF, EEXIST, EFAULT, EINVAL, ENXIO, EOPNOTSUPP]),
    ("io_uring_register", &[EACCES, EBADF, EBUSY, EEXIST, EFAULT, EINVAL, ENXIO, EOPNOTSUPP]),
    ("io_uring_setup", &[EFAULT, EINVAL, ENFILE]),
    ("ioctl(IOMMU_DESTROY)", &[EBADF, EBUSY, EINVAL, ENOENT]),
    ("ioctl(IOMMU_IOAS_ALLOC)", &[EBADF, EINVAL, EOPNOTSUPP]),
    ("ioctl(IOMMU_IOAS_MAP)", &[EBADF, EEXIST, EFAULT, EINVAL, ENOENT, EOPNOTSUPP, EOVERFLOW]),
    ("ioctl(IOMMU_IOAS_UNMAP)", &[EBADF, EINVAL, ENOENT, EOVERFLOW]),
    ("ioctl(VFIO_DEVICE_ATTACH_IOMMUFD_PT)", &[EBADF, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY]),
    ("ioctl(VFIO_DEVICE_BIND_IOMMUFD)", &[EBADF, EBUSY, EINVAL, ENODEV, ENOTTY]),
    ("ioctl(VFIO_DEVICE_DETACH_IOMMUFD_PT)", &[EBADF, EINVAL, ENODEV, ENOTTY]),
    ("ioctl", &[EBADF, EFAULT, EINVAL, ENOTTY, EBUSY, ENODEV, ENOSPC]),
    ("kill", &[EINVAL]),
    ("listen", &[EBADF, ENOTSOCK, EOPNOTSUPP]),
    ("membarrier", &[EINVAL]),
    ("mmap", &[EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE, ENODEV, EOVERFLOW, ETXTBSY]),
    ("openat", &[EACCES, EBADF, EBUSY, EINVAL, ELOOP, ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOTDIR, ENXIO, EROFS]),
    ("poll", &[EFAULT, EINVAL]),
    ("pread64", &[EAGAIN, EBADF, EFAULT, EINVAL, EISDIR, ENXIO, EOVERFLOW, ESPIPE]),
    ("preadv2", &[EBADF, EFAULT, EINVAL, EISDIR, EOPNOTSUPP]),
    ("pwrite64", &[EAGAIN, EBADF, EFAULT, EFBIG, EINVAL, ENOSPC, ENXIO, EOVERFLOW, EPIPE, ESPIPE]),
    ("read", &[EBADF, EFAULT, EINVAL, EISDIR]),
    ("readlink", &[EACCES, EINVAL, ELOOP, ENAMETOOLONG, ENOTDIR]),
    ("recvfrom", &[EBADF, EFAULT, EINVAL, ENOTCONN, ENOTSOCK]),
    ("rt_sigprocmask", &[EFAULT, EINVAL]),
    ("sched_getaffinity", &[EFAULT, EINVAL, ESRCH]),
    ("sched_setaffinity", &[EFAULT, EINVAL, ESRCH]),
    ("sched_setscheduler", &[EINVAL, ESRCH]),
    ("sendto", &[EBADF, ECONNRESET, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK, EPIPE]),
    ("socket", &[EACCES, EAFNOSUPPORT, EINVAL, ENFILE, ENOBUFS, EPROTONOSUPPORT]),
    ("stat", &[EACCES, EBADF, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EOVERFLOW]),
    ("timerfd_create", &[EINVAL, ENFILE, ENODEV]),
    ("timerfd_settime", &[EBADF, EFAULT, EINVAL]),
    ("unlink", &[EACCES, EBUSY, EFAULT, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EROFS]),
    ("write", &[EBADF, EFAULT, EFBIG, EINVAL, ENOSPC, EPIPE]),
    ("writev", &[EBADF, EFAULT, EFBIG, EINVAL, ENOSPC, EPIPE]),
    ("nothing", &[]),
];

/// Returns whether that number is an answer of the call's, and no refusal: then no error need name the call.
pub fn is_an_answer(call: &str, errno: c_int) -> bool {
    match errno {
        // Somebody has the lock.
        EAGAIN => call == "flock",
        // There is no such file, or none for this user.
        ENOENT | EACCES | EPERM => call == "openat",
        // A UIO device has no interrupt.
        EIO if call == "write" => true,
        // A device has no such interrupt; it is of another kind.
        EINVAL | ENOTTY => call == "ioctl",
        // The device has gone.
        _ => is_gone(call, errno),
    }
}

/// Returns whether that number says that the device has gone: of any device, or of a UIO device as it is read or masked.
fn is_gone(call: &str, errno: c_int) -> bool {
    errno == ENODEV || errno == EIO && ["read", "preadv2"].contains(&call) || errno == EINVAL && call == "write"
}

/// An interrupt of the life, what asserts it, and how often its work item has run.
pub struct Unit {
    interrupt: Interrupt<u64, WithWorkItem>,
    assert: Box<dyn Fn()>,
    worked: Arc<AtomicU64>,
}

/// Builds an interrupt on `source`. `answer` deals with the device, and returns for how many assertions the run stands; for
/// none, it does not claim.
pub fn unit(
    name: &'static str,
    source: impl Source + 'static,
    assert: impl Fn() + 'static,
    mut answer: impl FnMut(u64) -> u64 + Send + 'static,
    dispatcher: Option<&Dispatcher>,
) -> Result<Unit, Error> {
    let worked = Arc::new(AtomicU64::new(0));
    let theirs = worked.clone();
    let builder = Interrupt::builder(0)
        .name(name)
        .isr(move |cx| match answer(cx.assertions()) {
            0 => Claim::Unclaimed,
            told => {
                **cx += told;
                cx.queue_work_item();
                Claim::Claimed
            }
        })
        .work_item(move |_| _ = theirs.fetch_add(1, SeqCst))
        .source(source);
    let interrupt = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build()?,
        // What is refused of a policy is in its answer, and fails nothing.
        None => builder.policy(Policy::new().with_affinity(Affinity::All).with_priority(Priority::High)).build()?,
    };
    Ok(Unit { interrupt, assert: Box::new(assert), worked })
}

/// An interrupt on a source that wakes a waker.
pub fn software(dispatcher: Option<&Dispatcher>) -> Result<Unit, Error> {
    let (source, line) = Software::edge();
    unit("software", source, move || line.assert(), |assertions| assertions, dispatcher)
}

impl Unit {
    fn told(&self) -> u64 {
        *self.interrupt.acquire_interrupt_lock()
    }

    /// Asserts once, and waits until the ISR and the work item have run, or until it is out of service. Returns which.
    fn asserts(&self) -> bool {
        let held = self.interrupt.acquire_interrupt_lock();
        let (told, worked) = (*held, self.worked.load(SeqCst));
        if self.interrupt.state() != State::Enabled {
            return false;
        }
        // With the lock held: a fault would disconnect the source, and a message to nobody is a fault of the IOMMU.
        (self.assert)();
        drop(held);
        let served = || self.told() > told && self.worked.load(SeqCst) > worked;
        let ends = || served() || self.interrupt.state() != State::Enabled;
        assert!(comes(ends), "neither served nor faulted: {:?}", self.interrupt);
        served()
    }

    fn name(&self) -> &str {
        self.interrupt.name().as_str()
    }
}

/// What has come of a life: a word for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Nothing was noticed: the call has another way, or was not needed.
    Well,
    AnError,
    AFault,
    /// The number says that the device has gone.
    Gone,
}

/// One life after the other, each with interrupts that `build` makes.
pub struct Campaign<'a> {
    pub build: &'a dyn Fn() -> Result<Vec<Unit>, Error>,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The system refuses nothing any more, and all come back.
    ComesBack,
    /// All are dropped while it still refuses.
    Drops,
}

/// How often each call was made.
pub type Made = BTreeMap<&'static str, u64>;

pub fn made() -> Made {
    uses().into_iter().collect()
}

struct Life {
    came: Came,
    until_end: Made,
    in_all: Made,
}

impl Campaign<'_> {
    /// Lives all lives, and prints what came of them, by calls. Returns how many there were.
    pub fn run(&self) -> u64 {
        let nothing = Plan { call: "nothing", from: 1, uses: 0, errno: 0 };
        for end in [End::ComesBack, End::Drops] {
            assert_eq!(self.life(nothing, end).came, Came::Well);
        }
        let before = kept();
        let Life { until_end, in_all, .. } = self.life(nothing, End::Drops);
        let mut lives = 0;
        println!("{:24} {:>5}  {:>5} {:>5} {:>5} {:>5}", "call", "uses", "well", "error", "fault", "gone");
        for (&call, &uses) in in_all.iter().filter(|(_, uses)| **uses != 0) {
            let mut counts = BTreeMap::new();
            for (plan, end) in plans(call, until_end[call], uses) {
                lives += 1;
                *counts.entry(self.life(plan, end).came).or_insert(0) += 1;
                step();
            }
            let count = |came| counts.get(&came).copied().unwrap_or(0);
            let [well, error, fault, gone] = [Came::Well, Came::AnError, Came::AFault, Came::Gone].map(count);
            println!("{call:24} {uses:>5}  {well:>5} {error:>5} {fault:>5} {gone:>5}");
            let left = || kept().iter().zip(before).any(|(now, before)| *now > before);
            assert!(comes(|| !left()), "{call}: threads, descriptors and maps were {before:?} and are {:?}", kept());
        }
        lives
    }

    /// One life, in which `plan` is refused.
    fn life(&self, plan: Plan, end: End) -> Life {
        let beside = software(None).unwrap();
        beside.interrupt.enable().unwrap();
        Plan::begin(Some(plan));
        let (came, until_end) = self.refused_life(plan, end);
        let in_all = made();
        Plan::begin(None);
        // The one beside may have been hit by itself.
        beside.comes_back(plan);
        Life { came, until_end, in_all }
    }

    fn refused_life(&self, plan: Plan, end: End) -> (Came, Made) {
        let units = match (self.build)() {
            Ok(units) => units,
            Err(error) => return (check(plan, &error, None), made()),
        };
        let mut came = Came::Well;
        for _ in 0..2 {
            came = came.max(units.iter().map(|unit| unit.lives(plan)).max().unwrap_or(Came::Well));
        }
        if plan.uses == u64::MAX && plan.errno == EPERM {
            is_quiet();
        }
        let until_end = made();
        if end == End::Drops {
            return (came, until_end);
        }
        refuse_nothing();
        for unit in units.iter().filter(|unit| unit.interrupt.state() != State::Removed) {
            unit.comes_back(plan);
        }
        (came, until_end)
    }
}

impl Unit {
    /// A cleared fault and an enable bring it back.
    fn comes_back(&self, plan: Plan) {
        let comes_back = || {
            let _ = self.interrupt.clear_fault().unwrap();
            self.interrupt.enable().unwrap();
            self.asserts()
        };
        // The fault of the last wait that was refused may come as late as that.
        assert!(comes_back() || comes_back(), "{plan:?}: {:?}", self.interrupt);
    }

    /// One enable, a move, some assertions, one disable. A loop of the driver's own has asked for its descriptors.
    fn lives(&self, plan: Plan) -> Came {
        let mut came = Came::Well;
        let mut checks = |error: Option<Error>| {
            came = came.max(error.map_or(Came::Well, |error| check(plan, &error, Some(self.name()))));
        };
        checks(self.interrupt.descriptor().err());
        checks(self.interrupt.removal_descriptor().err());
        checks(self.interrupt.enable().err());
        if self.interrupt.state() == State::Enabled {
            // What is refused of a move is in its answer.
            drop(self.interrupt.move_to(Affinity::OneClose));
        }
        for _ in 0..3 {
            if !self.asserts() {
                break;
            }
        }
        checks(self.interrupt.disable().err());
        // A fault is the answer of an enable.
        if self.interrupt.fault().is_some() {
            checks(self.interrupt.enable().err());
        }
        let stats = self.interrupt.stats();
        assert!(self.told() >= stats.claimed, "{plan:?}: an assertion was told less than once: {stats:?}");
        assert_eq!(stats.claimed + stats.spurious + stats.benign, stats.delivered, "{plan:?}");
        came
    }
}

/// Checks that an error names the call, and the interrupt.
#[track_caller]
fn check(plan: Plan, error: &Error, name: Option<&str>) -> Came {
    let sentence = format!("{error:#}");
    assert!(name.is_none_or(|name| name == error.name().as_str()), "{plan:?}: {sentence:?} does not name {name:?}");
    let gone = matches!(
        error.kind(),
        ErrorKind::Removed | ErrorKind::Open(SourceError::Removed) | ErrorKind::Source(SourceError::Removed)
    );
    if gone {
        assert!(is_gone(plan.call, plan.errno), "{plan:?}: {sentence:?}");
        return Came::Gone;
    }
    assert!(
        sentence.contains(plan.call) || is_an_answer(plan.call, plan.errno),
        "{plan:?}: {sentence:?} does not name the call"
    );
    match error.kind() {
        ErrorKind::Faulted(fault) => {
            assert!(matches!(fault, Fault::Source(_)), "{plan:?}: {fault}");
            Came::AFault
        }
        _ => Came::AnError,
    }
}

/// Which uses of a call are refused, with what, and how the life ends.
pub fn plans(call: &'static str, until_end: u64, in_all: u64) -> Vec<(Plan, End)> {
    let middle = until_end / 2 + 1;
    let comes_back = [(1, 1), (2, 1), (middle, 1), (until_end, 1), (1, u64::MAX), (middle, u64::MAX)];
    let drops = [(in_all, 1), (middle, u64::MAX)];
    let places = comes_back.map(|place| (place, End::ComesBack)).into_iter();
    let places = places.chain(drops.map(|place| (place, End::Drops)));
    let listed = LISTED.iter().find(|(listed, _)| *listed == call).unwrap_or_else(|| panic!("{call} is not listed")).1;
    let numbers: Vec<c_int> = ALWAYS.iter().chain(listed).copied().collect();
    places
        .flat_map(|((from, uses), end)| {
            numbers.clone().into_iter().map(move |errno| (Plan { call, from, uses, errno }, end))
        })
        .collect()
}

/// Threads, descriptors, and maps of devices' registers.
pub fn kept() -> [usize; 3] {
    let count = |directory| fs::read_dir(directory).map_or(0, Iterator::count);
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let of_devices = |map: &&str| ["vfio", "uio", "/resource"].iter().any(|word| map.contains(word));
    [count("/proc/self/task"), count("/proc/self/fd"), maps.lines().filter(of_devices).count()]
}

/// A thread that spins has all of a processor's time, or its share of it on a busy machine.
fn is_quiet() {
    let time = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap())
    };
    let before = time();
    thread::sleep(Duration::from_millis(100));
    let used = time() - before;
    assert!(used < Duration::from_millis(20), "{used:?} of processor time in a quiet tenth of a second");
}
