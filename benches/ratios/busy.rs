//! Many busy eventfds on one thread: how many deliveries it makes a second while another thread signals them all in turn.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::{Eventfd, EventfdSignaller};
use interrupt_lock::{Answer, Claim, Dispatcher, Interrupt, NoWorkItem};
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::placement::{move_to, processors};
use crate::table::{Figure, Table};

const BUSY: [usize; 5] = [1, 8, 64, 512, 8_192];

pub fn measure(table: &mut Table) {
    for busy in BUSY {
        let name = format!("deliveries a second, {busy} busy eventfds");
        if table.wants(&name) {
            deliveries(table, &name, busy);
        }
    }
}

/// The peer is a thread in a loop of `epoll_wait` and `read`.
fn deliveries(table: &mut Table, name: &str, busy: usize) {
    const TURNS: usize = 9;
    let processors = processors();
    let (first, last) = (processors[0], processors[processors.len() - 1]);
    if first == last {
        return table.missing(name, "there is one processor");
    }
    // Each source has two descriptors: its own and the dispatcher's.
    if let Err(why) = allow_files(2 * busy as u64 + 1_000) {
        return table.missing(name, why);
    }
    let io_uring = Dispatcher::with_io_uring().unwrap();
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        rates[0].push(dispatched(busy, &Dispatcher::new().unwrap(), last).rate(first));
        rates[1].push(dispatched(busy, &io_uring, last).rate(first));
        rates[2].push(bare(busy, last).rate(first));
    }
    let [epoll, with_io_uring, bare] = &rates;
    table.rates(&format!("{name} / bare epoll"), epoll, bare);
    match io_uring.io_uring() {
        Answer::Taken => table.rates(&format!("{name}, io_uring / bare epoll"), with_io_uring, bare),
        refused => table.missing(&format!("{name}, io_uring"), &format!("{refused:?}")),
    }
}

/// Eventfds that a thread serves.
struct Served<S> {
    signals: Vec<S>,
    delivered: Arc<AtomicU64>,
    _by: Box<dyn std::any::Any>,
}

impl<S: AsFd + Sync> Served<S> {
    /// Signals all in turn for a while, from a thread on `processor`. Returns the deliveries a second.
    fn rate(&self, processor: usize) -> Figure {
        const TURN: Duration = Duration::from_millis(40);
        let (stop, signals) = (AtomicBool::new(false), &self.signals);
        thread::scope(|threads| {
            threads.spawn(|| {
                move_to(processor);
                while !stop.load(Relaxed) {
                    signals.iter().take_while(|_| !stop.load(Relaxed)).for_each(ring);
                }
            });
            // It has begun, and the first deliveries are made.
            thread::sleep(TURN / 4);
            let (begun, before) = (Instant::now(), self.delivered.load(Relaxed));
            thread::sleep(TURN);
            let (time, delivered) = (begun.elapsed(), self.delivered.load(Relaxed) - before);
            stop.store(true, Relaxed);
            delivered as Figure / time.as_secs_f64()
        })
    }
}

/// What serves notes a delivery. Its thread moves to `processor` first.
fn noting(delivered: &Arc<AtomicU64>, processor: usize) -> impl FnMut() + Send + use<> {
    let (delivered, mut moved) = (delivered.clone(), false);
    move || {
        if !moved {
            move_to(processor);
            moved = true;
        }
        delivered.store(delivered.load(Relaxed) + 1, Relaxed);
    }
}

fn dispatched(busy: usize, dispatcher: &Dispatcher, processor: usize) -> Served<EventfdSignaller> {
    let delivered = Arc::new(AtomicU64::new(0));
    let serve = |_| {
        let source = Eventfd::new().unwrap();
        let signal = source.signaller();
        let mut note = noting(&delivered, processor);
        let builder = Interrupt::builder(()).isr(move |_| {
            note();
            Claim::Claimed
        });
        let interrupt: Interrupt<(), NoWorkItem> = builder.source(source).dispatcher(dispatcher).build().unwrap();
        interrupt.enable().unwrap();
        (signal, interrupt)
    };
    let (signals, interrupts): (_, Vec<_>) = (0..busy).map(serve).unzip();
    Served { signals, delivered, _by: Box::new(interrupts) }
}

/// A thread that calls a closure for each eventfd that is readable, until the result is dropped.
fn bare(busy: usize, processor: usize) -> Served<Arc<OwnedFd>> {
    let (delivered, epoll) = (Arc::new(AtomicU64::new(0)), epoll::create(epoll::CreateFlags::CLOEXEC).unwrap());
    let serve = |number: usize| {
        let signal = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap());
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &signal, epoll::EventData::new_u64(number as u64), edges).unwrap();
        let callback: Box<dyn FnMut() + Send> = Box::new(noting(&delivered, processor));
        (signal.clone(), (signal, callback))
    };
    let (signals, mut served): (Vec<_>, Vec<_>) = (0..busy).map(serve).unzip();
    let end = End { stop: Arc::new(AtomicBool::new(false)), signal: signals[0].clone() };
    let stop = end.stop.clone();
    thread::spawn(move || {
        let mut events = Vec::with_capacity(64);
        while !stop.load(Relaxed) {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), None).unwrap();
            for event in &events {
                let (signal, callback) = &mut served[event.data.u64() as usize];
                rustix::io::read(&**signal, &mut [0; 8]).unwrap();
                callback();
            }
        }
    });
    Served { signals, delivered, _by: Box::new(end) }
}

/// Ends the thread of a bare loop.
struct End {
    stop: Arc<AtomicBool>,
    signal: Arc<OwnedFd>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        ring(&self.signal);
    }
}

fn ring(signal: &impl AsFd) {
    rustix::io::write(signal, &1u64.to_ne_bytes()).unwrap();
}

/// Lets this program open `wanted` files, or returns why it can't.
fn allow_files(wanted: u64) -> Result<(), &'static str> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.map(|now| now.max(wanted));
    let raised = Rlimit { current: enough(limit.current), maximum: enough(limit.maximum) };
    setrlimit(Resource::Nofile, raised).map_err(|_| "too few files may be open")
}
