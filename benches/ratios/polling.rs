//! From an assertion to the ISR, on a dispatcher that polls.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{Claim, Interrupt, IsrContext, NoWorkItem, Polling};
use interrupt_lock::{linux::Eventfd, source::Software};
use rustix::event::{EventfdFlags, eventfd};
use rustix::time::{ClockId, clock_gettime};

use crate::placement::{move_to, processors};
use crate::table::{Figure, Figures, Table, median};

/// Longer than any gap between two interrupts here.
const WINDOW: Duration = Duration::from_millis(2);

pub fn measure(table: &mut Table) {
    if processors().len() < 2 {
        return table.missing("polling", "there is one processor");
    }
    // The asserting thread stays on the first processor, and the dispatchers move off it. A thread of its own asserts,
    // so that the main thread keeps its processors.
    thread::scope(|threads| {
        let measured = threads.spawn(|| {
            move_to(processors()[0]);
            eventfd_to_isr(table);
            software_to_isr(table);
            quiet(table);
        });
        measured.join().unwrap();
    });
}

/// The time at which an ISR, or a peer's thread, began to serve the last interrupt.
struct Answers {
    epoch: Instant,
    /// Nanoseconds since `epoch`; 0 for not yet.
    begun: AtomicU64,
    /// Whether the serving thread has moved to its processor.
    moved: AtomicBool,
}

impl Answers {
    fn new() -> Arc<Self> {
        Arc::new(Self { epoch: Instant::now(), begun: AtomicU64::new(0), moved: AtomicBool::new(false) })
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn answer(&self) {
        self.begun.store(self.now(), Ordering::Release);
        if !self.moved.swap(true, Ordering::Relaxed) {
            move_to(processors()[1]);
        }
    }

    /// Asserts once, after a gap. Returns how long it took until the answer began.
    fn trip(&self, gap: Duration, assert: impl FnOnce()) -> Figure {
        let start = Instant::now();
        while start.elapsed() < gap {
            std::hint::spin_loop();
        }
        self.begun.store(0, Ordering::Relaxed);
        let asserted = self.now();
        assert();
        loop {
            let begun = self.begun.load(Ordering::Acquire);
            if begun != 0 {
                return (begun - asserted) as Figure;
            }
            std::hint::spin_loop();
        }
    }

    fn isr(self: &Arc<Self>) -> impl FnMut(&mut IsrContext<'_, (), NoWorkItem>) -> Claim + Send + use<> {
        let answers = self.clone();
        move |_| {
            answers.answer();
            Claim::Claimed
        }
    }
}

/// Random gaps between zero and `longest`: the same sequence for all measures that are compared.
fn gaps(longest: Duration) -> impl Iterator<Item = Duration> {
    let mut state = 1u64;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        Some(longest.mul_f64((state >> 33) as f64 / (1u64 << 31) as f64))
    })
}

const TURNS: usize = 20;
const TRIPS: usize = 400;

fn eventfd_to_isr(table: &mut Table) {
    let name = "eventfd to ISR, polling, p50 / bare read loop";
    if !table.wants(name) {
        return;
    }
    let answers = Answers::new();
    let source = Eventfd::new().unwrap();
    let signal = source.as_fd().try_clone_to_owned().unwrap();
    let interrupt =
        Interrupt::builder(()).isr(answers.isr()).source(source).polling(Polling::Fixed(WINDOW)).build().unwrap();
    interrupt.enable().unwrap();

    let bare = Answers::new();
    let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
    let (theirs, their_bell) = (bare.clone(), bell.clone());
    let reader = thread::spawn(move || {
        while wait(&their_bell) < STOP {
            theirs.answer()
        }
    });

    let gaps = || gaps(Duration::from_micros(50));
    let ours = || median(gaps().take(TRIPS).map(|gap| answers.trip(gap, || ring(&signal, 1))).collect());
    let read = || median(gaps().take(TRIPS).map(|gap| bare.trip(gap, || ring(&bell, 1))).collect());
    table.line(name, &Figures::in_turns(TURNS, ours, read, None));
    ring(&bell, STOP);
    reader.join().unwrap();
}

/// More than any count of assertions.
const STOP: u64 = 1 << 32;

fn ring(bell: &OwnedFd, value: u64) {
    rustix::io::write(bell, &value.to_ne_bytes()).unwrap();
}

fn wait(bell: &OwnedFd) -> u64 {
    let mut value = [0; 8];
    rustix::io::read(bell, &mut value).unwrap();
    u64::from_ne_bytes(value)
}

/// A software source and a dispatcher that is awake, compared with a channel to a thread that blocks, and to a thread
/// that never blocks. The gaps are so short that the blocking thread is still awake, most of the time.
fn software_to_isr(table: &mut Table) {
    let name = "software source to ISR, awake, p50 / crossbeam-channel";
    if !table.wants(name) {
        return;
    }
    let answers = Answers::new();
    let (source, line) = Software::edge();
    let interrupt =
        Interrupt::builder(()).isr(answers.isr()).source(source).polling(Polling::Fixed(WINDOW)).build().unwrap();
    interrupt.enable().unwrap();

    let gaps = || gaps(Duration::from_micros(2));
    // Each channel has a thread for its own turn only: it must not use the processor while the dispatcher is measured.
    for (name, awake) in [(format!("{name} recv"), false), (format!("{name} try_recv"), true)] {
        let ours = || median(gaps().take(TRIPS).map(|gap| answers.trip(gap, || line.assert())).collect());
        let channel = || {
            let channel = Answers::new();
            let (sender, receiver) = crossbeam_channel::unbounded::<bool>();
            let theirs = channel.clone();
            let worker = thread::spawn(move || {
                loop {
                    let received = if awake { receiver.try_recv().ok() } else { receiver.recv().ok() };
                    match received {
                        Some(true) => theirs.answer(),
                        Some(false) => break,
                        None => std::hint::spin_loop(),
                    }
                }
            });
            let taken = gaps().take(TRIPS).map(|gap| channel.trip(gap, || sender.send(true).unwrap())).collect();
            sender.send(false).unwrap();
            worker.join().unwrap();
            median(taken)
        };
        table.line(&name, &Figures::in_turns(TURNS, ours, channel, None));
    }
}

/// The processor time of a polling dispatcher whose source has become quiet.
fn quiet(table: &mut Table) {
    const WATCHED: Duration = Duration::from_millis(300);
    let name = "processor time of a polling dispatcher, quiet";
    if !table.wants(name) {
        return;
    }
    let (source, line) = Software::edge();
    let answers = Answers::new();
    let interrupt =
        Interrupt::builder(()).isr(answers.isr()).source(source).polling(Polling::Fixed(WINDOW)).build().unwrap();
    interrupt.enable().unwrap();
    answers.trip(Duration::ZERO, || line.assert());
    thread::sleep(10 * WINDOW);
    let before = clock_gettime(ClockId::ProcessCPUTime);
    thread::sleep(WATCHED);
    let spent = clock_gettime(ClockId::ProcessCPUTime) - before;
    let share = (spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9) / WATCHED.as_secs_f64() * 100.0;
    table.print(name, &format!("{share:.2} %"), "0 %", "-", "-", "-");
}
