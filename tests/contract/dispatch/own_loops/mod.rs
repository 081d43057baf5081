//! A driver's own loop: it hears every signal, and nothing else.

mod loops;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::source::{Ready, Removal, Source};
use interrupt_lock::{Claim, Info, Interrupt, SourceError, State, Transition};
use rustix::event::epoll::EventFlags;
use support::{ThreadId, until, watchdog};

type Loop = fn(OwnedFd, &mut dyn FnMut() -> bool) -> io::Result<()>;

/// Every kind of loop.
const LOOPS: [Loop; 6] = [
    |signal, serve| loops::with_poll(signal, serve),
    |signal, serve| loops::with_epoll(signal, EventFlags::IN, serve),
    |signal, serve| loops::with_epoll(signal, EventFlags::IN | EventFlags::ET, serve),
    |signal, serve| loops::with_mio(signal, serve),
    |signal, serve| loops::with_calloop(signal, serve),
    |signal, serve| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(loops::with_tokio(signal, serve))
    },
];

/// An eventfd whose device can go.
struct Removable {
    eventfd: Eventfd,
    gone: Arc<AtomicBool>,
    removal: Eventfd,
}

/// The other side of a [`Removable`].
struct Peer {
    signals: EventfdSignaller,
    gone: Arc<AtomicBool>,
    removal: EventfdSignaller,
}

impl Removable {
    fn new() -> (Self, Peer) {
        let (eventfd, removal, gone) =
            (Eventfd::new().unwrap(), Eventfd::new().unwrap(), Arc::new(AtomicBool::new(false)));
        let peer = Peer { signals: eventfd.signaller(), gone: gone.clone(), removal: removal.signaller() };
        (Self { eventfd, gone, removal }, peer)
    }
}

impl Source for Removable {
    fn info(&self) -> Info {
        self.eventfd.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        self.eventfd.ready()
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.eventfd.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.eventfd.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        if self.gone.load(SeqCst) { Err(SourceError::Removed) } else { self.eventfd.take() }
    }

    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        Some(self.removal.as_fd())
    }

    fn removal(&mut self) -> Option<Removal> {
        self.gone.load(SeqCst).then_some(Removal::Surprise)
    }
}

/// An interrupt without a dispatcher, and a loop that serves it on a thread of its own.
struct Served {
    interrupt: Arc<Interrupt<u64>>,
    device: Peer,
    /// How often the loop has called `serve`.
    woken: Arc<AtomicU64>,
    sleeper: ThreadId,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Served {
    fn by(run: Loop) -> Self {
        let (removable, device) = Removable::new();
        let interrupt = Interrupt::builder(0)
            .isr(|count| {
                **count += count.assertions();
                if **count == FAULTS { panic!("planned") } else { Claim::Claimed }
            })
            .work_item(|_| ())
            .source(removable)
            .without_dispatcher()
            .build()
            .unwrap();
        let (interrupt, woken, stop) =
            (Arc::new(interrupt), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (tell, told) = std::sync::mpsc::channel();
        let thread = {
            let (interrupt, woken, stop) = (interrupt.clone(), woken.clone(), stop.clone());
            thread::spawn(move || {
                tell.send(ThreadId::here()).unwrap();
                let signal = interrupt.descriptor().unwrap().unwrap();
                run(signal, &mut || {
                    woken.fetch_add(1, SeqCst);
                    interrupt.service();
                    !stop.load(SeqCst)
                })
                .unwrap();
            })
        };
        let sleeper = told.recv().unwrap();
        sleeper.wait_until_asleep();
        Self { interrupt, device, woken, sleeper, stop, thread }
    }

    /// Every signal reaches the ISR.
    fn hears_everything(&self) {
        let before = *self.interrupt.acquire_interrupt_lock();
        for n in 0..1000 {
            self.device.signals.signal();
            if n % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        until(|| *self.interrupt.acquire_interrupt_lock() == before + 1000);
        self.sleeper.wait_until_asleep();
    }

    /// The loop sleeps, although the device signals without a pause.
    fn is_quiet(&self) {
        let before = self.woken.load(SeqCst);
        let end = std::time::Instant::now() + Duration::from_millis(100);
        while std::time::Instant::now() < end {
            self.device.signals.signal();
            thread::sleep(Duration::from_micros(100));
        }
        self.sleeper.wait_until_asleep();
        assert_eq!(self.woken.load(SeqCst), before, "it was woken in vain while {:?}", self.interrupt.state());
    }

    fn end(self) {
        self.stop.store(true, SeqCst);
        self.interrupt.enable().unwrap();
        self.device.signals.signal();
        self.thread.join().unwrap();
    }
}

/// The ISR panics at this count.
const FAULTS: u64 = 7001;

fn in_every_loop(test: fn(Served)) {
    let tests = LOOPS.map(|run| thread::spawn(move || watchdog(move || test(Served::by(run)))));
    tests.into_iter().for_each(|test| test.join().unwrap());
}

// Caught: a descriptor that is the source's own; an arming that is left out, or comes without what is signalled already.
#[test]
fn i22_a_loop_sleeps_while_the_interrupt_is_disabled() {
    in_every_loop(|served| {
        served.is_quiet();
        for _ in 0..3 {
            served.interrupt.enable().unwrap();
            served.hears_everything();
            assert_eq!(served.interrupt.disable().unwrap(), Transition::Done);
            served.is_quiet();
        }
        served.end();
    });
}

// Caught: an interrupt that is reported inactive, or active, without a word to the loop.
#[test]
fn i22_a_loop_sleeps_while_the_interrupt_is_inactive() {
    in_every_loop(|served| {
        served.interrupt.enable().unwrap();
        served.hears_everything();
        for _ in 0..3 {
            let before = *served.interrupt.acquire_interrupt_lock();
            served.interrupt.report_inactive().unwrap();
            for _ in 0..10 {
                served.device.signals.signal();
            }
            served.sleeper.wait_until_asleep();
            assert_eq!(*served.interrupt.acquire_interrupt_lock(), before);
            // What has been signalled meanwhile is delivered.
            served.interrupt.report_active().unwrap();
            assert_eq!(*served.interrupt.acquire_interrupt_lock(), before + 10);
            served.interrupt.report_inactive().unwrap();
            served.is_quiet();
            served.interrupt.disable().unwrap();
            served.interrupt.enable().unwrap();
            assert_eq!(served.interrupt.state(), State::Inactive);
            served.is_quiet();
            served.interrupt.disable().unwrap();
            served.interrupt.report_active().unwrap();
            served.is_quiet();
            served.interrupt.enable().unwrap();
            served.hears_everything();
        }
        served.end();
    });
}

// Caught: a fault, or a removal, that leaves the source's descriptor in the instance.
#[test]
fn i22_a_loop_sleeps_after_a_fault_and_after_a_removal() {
    in_every_loop(|served| {
        served.interrupt.enable().unwrap();
        *served.interrupt.acquire_interrupt_lock() = FAULTS - 1;
        served.device.signals.signal();
        until(|| served.interrupt.state() == State::Faulted);
        served.sleeper.wait_until_asleep();
        served.is_quiet();
        served.interrupt.clear_fault().unwrap();
        served.is_quiet();
        served.interrupt.enable().unwrap();
        served.hears_everything();
        served.device.gone.store(true, SeqCst);
        served.device.signals.signal();
        until(|| served.interrupt.state() == State::Removed);
        served.sleeper.wait_until_asleep();
        served.is_quiet();
    });
}

// Caught: an instance that goes on telling of a removal that has been noted.
#[test]
fn i22_a_loop_is_told_of_a_removal_until_it_is_noted() {
    let (removable, device) = Removable::new();
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(removable).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    let both = [interrupt.descriptor(), interrupt.removal_descriptor()].map(|fd| fd.unwrap().unwrap());
    assert_eq!(both.each_ref().map(is_readable), [false, false]);
    device.removal.signal();
    interrupt.service_removal(); // the source knows of none
    assert_eq!(both.each_ref().map(is_readable), [false, true]);
    device.gone.store(true, SeqCst);
    interrupt.service_removal();
    assert_eq!(interrupt.state(), State::Removed);
    device.signals.signal();
    // Whoever asks now is told nothing either.
    let again = interrupt.removal_descriptor().unwrap().unwrap();
    assert_eq!([&both[0], &both[1], &again].map(is_readable), [false; 3]);
}

/// Whether a loop would be woken.
fn is_readable(descriptor: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&Timespec::default())).unwrap() == 1
}

// Caught: an end that leaves what the driver's loop waits on.
#[test]
fn i22_what_a_loop_waits_on_ends_with_the_interrupt() {
    let (removable, device) = Removable::new();
    let interrupt =
        Interrupt::builder(()).isr(|_| Claim::Claimed).source(removable).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    let both = [interrupt.descriptor(), interrupt.removal_descriptor()].map(|fd| fd.unwrap().unwrap());
    let object = interrupt.object().clone();
    device.signals.signal();
    device.removal.signal();
    assert!(both.iter().all(is_readable));
    drop(interrupt);
    assert!(!both.iter().any(is_readable));
    assert!(object.descriptor().unwrap().is_none());
}

/// The text of the loop of that name.
fn shown(name: &str) -> &'static str {
    let text = include_str!("loops.rs").split_once(&format!("// guide: {name}\n")).unwrap().1;
    text.split_once("// guide: end").unwrap().0
}

// Caught: a loop that is changed in one of the two places.
#[test]
fn i22_the_guide_shows_these_loops() {
    let page = include_str!("../../../../src/guide/from_a_loop.md");
    for name in ["poll", "epoll", "mio", "calloop", "tokio"] {
        assert!(page.contains(shown(name)), "{name}");
    }
}
