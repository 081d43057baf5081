//! Every call of the system that an interrupt's life needs, refused at every use and with every number: the campaign of
//! rule I19, on sources that need no device. `tests/support/campaign.rs` says what has to hold. (The lab runs it on real UIO
//! and VFIO devices.) Compiled for `--cfg refused_calls` alone.
#![cfg(all(refused_calls, target_os = "linux", feature = "std", not(loom)))]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller, Gpio, Timer, Uio};
use interrupt_lock::refuse::Plan;
use interrupt_lock::{Claim, Delivery, Dispatcher, Error, Export, Interrupt};
use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
use support::campaign::{Campaign, Made, Unit, is_an_answer, kept, made, plans, software, unit};
use support::rigs::GpioKernel;
use support::{comes, let_it_block, step, watchdog};

/// What is refused is refused to the whole process, and descriptors and threads are counted in it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn eventfd(dispatcher: Option<&Dispatcher>) -> Result<Unit, Error> {
    let eventfd = Eventfd::new()?;
    let device: EventfdSignaller = eventfd.signaller();
    // The device makes calls of its own, which nobody refuses.
    let signal = move || _ = rustix::io::write(&device, &1_u64.to_ne_bytes()).unwrap();
    unit("eventfd", eventfd, signal, |assertions| assertions, dispatcher)
}

fn timer() -> Result<Unit, Error> {
    let (source, handle) = Timer::new()?;
    handle.stop()?;
    let device = std::os::fd::AsFd::as_fd(&source).try_clone_to_owned().unwrap();
    let soon =
        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec: 0, tv_nsec: 1 } };
    let signal = move || _ = timerfd_settime(&device, TimerfdTimerFlags::empty(), &soon).unwrap();
    unit("timer", source, signal, |assertions| assertions, None)
}

/// A pipe plays the lines.
fn gpio() -> Result<Unit, Error> {
    let (lines, kernel) = GpioKernel::new().unwrap();
    let (source, lines) = Gpio::from_fd(lines, &[3])?;
    let edges = move |_| std::iter::from_fn(|| lines.next_event()).count() as u64;
    unit("gpio", source, move || kernel.edge(true), edges, None)
}

/// A socket plays the UIO device, and a file in memory its configuration space, if it is unmasked there.
fn uio(config: Option<File>) -> Result<Unit, Error> {
    let (device, kernel) = UnixStream::pair().unwrap();
    kernel.set_nonblocking(true).unwrap();
    let (name, source) = match config {
        Some(config) => ("uio-pci", Uio::from_fds(device.into(), config.into())?),
        None => ("uio", Uio::from_fd(device.into())?),
    };
    let count = AtomicU32::new(0);
    let signal = move || {
        let _ = (&kernel).read(&mut [0; 64]);
        (&kernel).write_all(&(count.fetch_add(1, SeqCst) + 1).to_ne_bytes()).unwrap();
    };
    unit(name, source, signal, |assertions| assertions, None)
}

fn config() -> File {
    let file = File::from(rustix::fs::memfd_create("config", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all_at(&[0; 64], 0).unwrap();
    file
}

// Caught, most of it on the lab's devices: a refused `fcntl` that is taken for a removal; a refused `readlink` that is taken
// for a device without a group, or of another driver; an error that does not name its call.
#[test]
fn i19_every_call_refused_at_every_use() {
    let _alone = ONE_AT_A_TIME.lock();
    watchdog(|| {
        let build = || {
            let dispatcher = Dispatcher::new()?;
            let shared = Some(&dispatcher);
            Ok(vec![
                eventfd(shared)?,
                software(shared)?,
                eventfd(None)?,
                software(None)?,
                uio(None)?,
                uio(Some(config()))?,
                timer()?,
                gpio()?,
            ])
        };
        let lives = Campaign { build: &build }.run();
        println!("{lives} lives");
    });
}

/// A thread that serves one eventfd alone sleeps in its `read`, which takes the count as well.
// Caught: a look at the eventfd after the `read`.
#[test]
fn i3_a_delivery_of_a_single_eventfd_takes_one_call() {
    let _alone = ONE_AT_A_TIME.lock();
    watchdog(|| {
        let source = Eventfd::new().unwrap();
        let device = source.signaller();
        let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build().unwrap();
        interrupt.enable().unwrap();
        let serves = || {
            let before = interrupt.stats().claimed;
            rustix::io::write(&device, &1_u64.to_ne_bytes()).unwrap();
            assert!(comes(|| interrupt.stats().claimed == before + 1));
            let_it_block();
        };
        serves();
        Plan::begin(None);
        (0..10).for_each(|_| serves());
        let made = made();
        for (call, times) in [("read", 10), ("preadv2", 0), ("epoll_wait", 0), ("poll", 0), ("fcntl", 0), ("write", 0)]
        {
            assert_eq!(made[call], times, "{call}: {made:?}");
        }
    });
}

// Caught: an error of a ring's that does not name its call.
#[cfg(target_pointer_width = "64")]
#[test]
fn i19_every_call_of_a_ring_refused() {
    let _alone = ONE_AT_A_TIME.lock();
    watchdog(|| {
        let build = || {
            let dispatcher = Dispatcher::with_io_uring()?;
            let shared = Some(&dispatcher);
            Ok(vec![eventfd(shared)?, software(shared)?])
        };
        let lives = Campaign { build: &build }.run();
        println!("{lives} lives");
    });
}

/// Asks for the statistics. Returns nothing where the system refuses somebody what that needs.
fn ask(path: &Path) -> Option<String> {
    let mut client = UnixStream::connect(path).ok()?;
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).ok()?;
    answer.contains(" 200 OK").then_some(answer)
}

/// The error names the call, or the number that was refused is an answer of its.
#[track_caller]
fn names_the_call(plan: Plan, error: &Error) {
    let sentence = format!("{error:#}");
    let is_answer = is_an_answer(plan.call, plan.errno) || plan.call == "stat" && plan.errno == libc::ENOENT;
    // Who answers can't be found out, and somebody does.
    let is_held = sentence.contains("publishes there");
    assert!(sentence.contains(plan.call) || is_answer || is_held, "{plan:?}: {sentence}");
    assert!(error.name().as_str().ends_with("driver.sock"), "{plan:?}: {sentence}");
}

/// One life of a publisher, where a dead socket lies: published, asked twice, published there again in vain, dropped. Then the
/// same without refusals.
fn published(directory: &Path, plan: Plan) -> Made {
    let path = directory.join("driver.sock");
    let _ = std::fs::remove_file(&path);
    drop(UnixListener::bind(&path).unwrap());
    let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    let export = Export::new();
    export.add(interrupt.object()).unwrap();
    Plan::begin(Some(plan));
    match export.publish(&path) {
        Ok(publisher) => {
            let _ = (ask(&path), ask(&path));
            let again = export.publish(&path);
            again.as_ref().err().into_iter().for_each(|error| names_the_call(plan, error));
            publisher.check().err().iter().for_each(|error| names_the_call(plan, error));
            assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
        }
        Err(error) => {
            names_the_call(plan, &error);
            // What lies there is the dead socket, or nothing. (A publisher's file has another mode.) Or the system denies it.
            let file = std::fs::metadata(&path).map(|file| file.mode() & 0o777);
            let is_denied = plan.call == "stat" && plan.errno == libc::ENOENT;
            assert!(file.is_err() || file.is_ok_and(|mode| mode != 0o600) || is_denied, "{plan:?}: its file is left");
        }
    }
    let made = made();
    // (What a signal interrupts is made again at once, a thousand times.)
    assert!(plan.errno == libc::EINTR || made.values().all(|uses| *uses < 1000), "{plan:?}: {made:?}");
    Plan::begin(None);
    // If its removal was refused, the socket is there until its thread has ended.
    let mut published = Err(None);
    assert!(comes(|| {
        published = export.publish(&path).map_err(Some);
        published.is_ok()
    }));
    let publisher = published.unwrap();
    assert!(comes(|| ask(&path).is_some_and(|answer| answer.contains("edu0"))), "{plan:?}");
    publisher.check().unwrap();
    drop(publisher);
    assert!(!path.exists(), "{plan:?}");
    made
}

// Caught: an error of `listen` that leaves the socket's file; a thread that goes on where its signal is refused; a wait that is
// refused, and made again without a pause; an error that does not name its call.
#[test]
fn i19_every_call_of_a_publisher_refused() {
    let _alone = ONE_AT_A_TIME.lock();
    watchdog(|| {
        let directory = std::env::temp_dir().join(format!("interrupt-lock-refused-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let nothing = Plan { call: "nothing", from: 1, uses: 0, errno: 0 };
        published(&directory, nothing);
        let before = kept();
        let made = published(&directory, nothing);
        for (&call, &uses) in made.iter().filter(|(_, uses)| **uses != 0) {
            let places = plans(call, uses, uses).into_iter().map(|(plan, _)| plan);
            let mut lives = 0;
            for plan in places.filter(|plan| plan.from == 1 || plan.from == uses) {
                published(&directory, plan);
                lives += 1;
                step();
            }
            println!("{call:24} {uses:>5} {lives:>5}");
            let left = || kept().iter().zip(before).any(|(now, before)| *now > before);
            assert!(comes(|| !left()), "{call}: threads, descriptors and maps were {before:?} and are {:?}", kept());
        }
        std::fs::remove_dir(&directory).unwrap();
    });
}
