//! From the signal of an eventfd to the ISR, on a dispatcher that sleeps.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::Eventfd;
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem};
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::eventfd;
use crate::placement::processors;
use crate::table::{Figures, Table, median, nanoseconds, quantile};

pub fn measure(table: &mut Table) {
    let processors = processors();
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    if first == last {
        table.missing("eventfd to ISR, two processors", "there is one");
    } else {
        sleeping(table, "two processors", first, last);
    }
    sleeping(table, "one processor", first, first);
    many_sources(table);
}

/// One source. The peer is a thread in a blocking `read` loop.
fn sleeping(table: &mut Table, where_: &str, asserter: usize, server: usize) {
    const TURNS: usize = 20;
    const TRIPS: u64 = 250;
    let name = format!("eventfd to ISR, {where_}");
    if !table.wants(&name) {
        return;
    }
    let (mut medians, mut tails) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        let [ours, read, _] =
            eventfd::trips(TRIPS, asserter, server).map(|trips| trips.into_iter().map(nanoseconds).collect::<Vec<_>>());
        medians.ours.push(median(ours.clone()));
        medians.peer.push(median(read.clone()));
        tails.ours.push(quantile(ours, 0.99));
        tails.peer.push(quantile(read, 0.99));
    }
    table.line(&format!("{name}, p50 / bare read loop"), &medians);
    table.line(&format!("{name}, p99 / bare read loop"), &tails);
}

/// One dispatcher with 1,024 eventfds.
///
/// First, one of them is asserted again and again: this shows what the others cost that are only registered. Then all
/// of them are asserted, one after the other: this shows what a source costs that is in no cache. The bare loop pays
/// for that too.
fn many_sources(table: &mut Table) {
    const TURNS: usize = 25;
    const TRIPS: usize = 40;
    const MANY: usize = 1_024;
    let (one_of_them, all_of_them) =
        ("eventfd to ISR, p50, 1 of 1,024 sources / 1 of 1", "eventfd to ISR, p50, 1,024 in turn / bare epoll loop");
    if !table.wants(one_of_them) && !table.wants(all_of_them) {
        return;
    }
    let limit = getrlimit(Resource::Nofile);
    // Each source has three descriptors: its own, the dispatcher's, and this program's. Each of the bare loop has two.
    let wanted = 6_144;
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return table.missing(one_of_them, "too few files may be open");
    }
    let raised =
        rustix::process::Rlimit { current: Some(limit.current.map_or(wanted, |now| now.max(wanted))), ..limit };
    setrlimit(Resource::Nofile, raised).unwrap();

    let (alone, mut among) = (dispatched(1), dispatched(MANY));
    let mut alone = alone;
    if table.wants(one_of_them) {
        let ours = || median((0..TRIPS).map(|_| among.trip(0)).collect());
        let one = || median((0..TRIPS).map(|_| alone.trip(0)).collect());
        table.line(one_of_them, &Figures::in_turns(TURNS, ours, one, None));
    }
    drop(alone);
    if table.wants(all_of_them) {
        let mut bare = bare(MANY);
        let ours = || median((0..TRIPS).map(|_| among.trip(STEP)).collect());
        let peer = || median((0..TRIPS).map(|_| bare.trip(STEP)).collect());
        table.line(all_of_them, &Figures::in_turns(TURNS, ours, peer, None));
    }
}

/// The step from one source to the next. It is long, and it has no divisor in common with their number, so that all
/// have their turn.
const STEP: usize = 389;

/// Many sources that one thread serves.
struct Crowd {
    signals: Vec<OwnedFd>,
    answer: Answer,
    next: usize,
    _served: Box<dyn std::any::Any>,
}

/// The time at which the last answer began.
#[derive(Clone)]
struct Answer {
    epoch: Instant,
    begun: Arc<AtomicU64>,
}

impl Answer {
    fn new() -> Self {
        Self { epoch: Instant::now(), begun: Arc::new(AtomicU64::new(0)) }
    }

    fn give(&self) {
        self.begun.store(self.epoch.elapsed().as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Crowd {
    fn new(signals: Vec<OwnedFd>, answer: Answer, served: impl std::any::Any) -> Self {
        Self { signals, answer, next: 0, _served: Box::new(served) }
    }

    /// Asserts the source `step` places after the last. Returns how long it took until the answer began, in
    /// nanoseconds.
    fn trip(&mut self, step: usize) -> f64 {
        self.next = (self.next + step) % self.signals.len();
        self.answer.begun.store(0, Ordering::SeqCst);
        let asserted = self.answer.epoch.elapsed().as_nanos() as u64;
        rustix::io::write(&self.signals[self.next], &1u64.to_ne_bytes()).unwrap();
        while self.answer.begun.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        // The thread that serves goes to sleep again.
        thread::sleep(Duration::from_micros(100));
        (self.answer.begun.load(Ordering::SeqCst) - asserted) as f64
    }
}

/// `size` interrupts on one dispatcher.
fn dispatched(size: usize) -> Crowd {
    let (answer, dispatcher) = (Answer::new(), Dispatcher::new().unwrap());
    let member = |_| {
        let source = Eventfd::new().unwrap();
        let signal = source.as_fd().try_clone_to_owned().unwrap();
        let answer = answer.clone();
        let interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(())
            .isr(move |_| {
                answer.give();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        (signal, interrupt)
    };
    let (signals, interrupts): (Vec<_>, Vec<_>) = (0..size).map(member).unzip();
    Crowd::new(signals, answer, interrupts)
}

/// One thread with an epoll instance and `size` eventfds. It calls a closure for each that is readable, until the
/// program ends.
fn bare(size: usize) -> Crowd {
    let answer = Answer::new();
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut signals = Vec::new();
    let mut served: Vec<(OwnedFd, Box<dyn FnMut() + Send>)> = Vec::new();
    for number in 0..size {
        let signal = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
        epoll::add(&epoll, &signal, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN).unwrap();
        signals.push(signal.try_clone().unwrap());
        let answer = answer.clone();
        served.push((signal, Box::new(move || answer.give())));
    }
    thread::spawn(move || {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), None).unwrap();
            for event in &events {
                let (signal, callback) = &mut served[event.data.u64() as usize];
                rustix::io::read(&*signal, &mut [0; 8]).unwrap();
                callback();
            }
        }
    });
    Crowd::new(signals, answer, ())
}
