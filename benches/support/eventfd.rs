//! From the signal of an eventfd to the first line of the ISR, on a thread that slept. Another thread signals.

use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::Eventfd;
use interrupt_lock::{Claim, Interrupt};
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io;
use rustix::process::setpriority_process;

use crate::placement;

/// Takes `trips` trips to each of three servers: a dispatcher, a bare `read` loop, a bare epoll and `read` loop.
///
/// The servers take turns, so the machine's other work meets all alike, and each sleeps again before its next turn. The
/// asserting thread is a new one.
pub fn trips(trips: u64, asserter: usize, server: usize) -> [Vec<Duration>; 3] {
    thread::spawn(move || take_trips(trips, asserter, server)).join().unwrap()
}

fn take_trips(trips: u64, asserter: usize, server: usize) -> [Vec<Duration>; 3] {
    let servers = [dispatched(server), bare(server, Wait::Read), bare(server, Wait::Epoll)];
    placement::move_to(asserter);
    // Lowest priority: if all are on one processor, a server that is woken runs at once.
    setpriority_process(None, 19).unwrap();
    let mut taken = [const { Vec::new() }; 3];
    for _ in 0..trips {
        for (server, taken) in servers.iter().zip(&mut taken) {
            taken.push(server.trip());
        }
    }
    taken
}

/// A thread that answers assertions until this is dropped.
struct Server {
    assert: Arc<OwnedFd>,
    answer: Arc<Answer>,
    _stop: Box<dyn std::any::Any>,
}

impl Server {
    /// Asserts once. Returns how long it took until the answer began.
    fn trip(&self) -> Duration {
        let start = self.answer.epoch.elapsed();
        ring(&self.assert, 1);
        wait(&self.answer.done);
        Duration::from_nanos(self.answer.begun.load(Ordering::Relaxed)) - start
    }
}

/// What every server does when it is woken: it notes the time and lets the asserting thread go on.
struct Answer {
    epoch: Instant,
    begun: AtomicU64,
    done: OwnedFd,
    processor: usize,
}

impl Answer {
    fn new(processor: usize) -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            begun: AtomicU64::new(0),
            done: eventfd(0, EventfdFlags::CLOEXEC).unwrap(),
            processor,
        })
    }

    fn give(&self) {
        let begun = self.epoch.elapsed().as_nanos() as u64;
        self.begun.store(begun, Ordering::Relaxed);
        move_to(self.processor);
        ring(&self.done, 1);
    }
}

/// An interrupt with a dispatcher of its own.
fn dispatched(processor: usize) -> Server {
    let source = Eventfd::new().unwrap();
    let assert = Arc::new(source.as_fd().try_clone_to_owned().unwrap());
    let answer = Answer::new(processor);
    let theirs = answer.clone();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            theirs.give();
            Claim::Claimed
        })
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    Server { assert, answer, _stop: Box::new(interrupt) }
}

enum Wait {
    Read,
    /// Shows what it costs to wait for several descriptors at once.
    Epoll,
}

/// A thread that does nothing but wait and answer.
fn bare(processor: usize, how: Wait) -> Server {
    let assert = Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap());
    let answer = Answer::new(processor);
    let (source, theirs) = (assert.clone(), answer.clone());
    thread::spawn(move || match how {
        Wait::Read => {
            while wait(&source) < STOP {
                theirs.give();
            }
        }
        Wait::Epoll => {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            epoll::add(&epoll, &*source, epoll::EventData::new_u64(0), epoll::EventFlags::IN).unwrap();
            let mut events = Vec::with_capacity(1);
            loop {
                events.clear();
                epoll::wait(&epoll, spare_capacity(&mut events), None).unwrap();
                if wait(&source) >= STOP {
                    break;
                }
                theirs.give();
            }
        }
    });
    Server { _stop: Box::new(Stop(assert.clone())), assert, answer }
}

/// More than any count of assertions.
const STOP: u64 = 1 << 32;

struct Stop(Arc<OwnedFd>);

impl Drop for Stop {
    fn drop(&mut self) {
        ring(&self.0, STOP);
    }
}

fn ring(bell: &OwnedFd, value: u64) {
    io::write(bell, &value.to_ne_bytes()).unwrap();
}

fn wait(bell: &OwnedFd) -> u64 {
    let mut value = [0; 8];
    io::read(bell, &mut value).unwrap();
    u64::from_ne_bytes(value)
}

/// Moves the calling thread to `processor`, at its first answer.
fn move_to(processor: usize) {
    thread_local!(static MOVED: Cell<bool> = const { Cell::new(false) });
    if !MOVED.replace(true) {
        placement::move_to(processor);
    }
}
