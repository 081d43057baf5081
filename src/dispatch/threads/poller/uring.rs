//! Waiting with an io_uring: the kernel reads the eventfds for the watcher, so a delivery needs no call of the system.
//!
//! What is no eventfd of the crate's is watched by an epoll instance, as it is without a ring. The ring watches that
//! instance, and reads a bell, an eventfd that ends the wait.
//!
//! Only the watcher's thread uses the ring. Other threads leave it requests, and end its wait.
//!
//! A wait is a round: the thread hands over the requests, waits, and notes what was read. What is read between the beginning
//! of a round and its end may be in no other place, so a thread that takes from a source, or stops the reading, settles the
//! round (rules E2, I5, I15).
//!
//! # A system that refuses
//!
//! - A ring that the system does not grant is none: the dispatcher waits with epoll, and says so.
//! - A wait that is refused later faults all interrupts that the thread serves (rule I19), as with epoll.
//! - An eventfd that the system does not go on reading is watched by the epoll instance from then on.

use core::mem;
use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::dispatch::threads::poller::refusal::Refusal;
use crate::dispatch::threads::poller::{Event, Wait, epoll};
use crate::lock::raw::RawInterruptLock;
use crate::source::waitable::{Counter, Reader, Rounds, Rung};
use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicUsize, Backoff};
use crate::system;
use crate::system::{Completion, Key, Ring, failed};

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    shared: Arc<Shared>,
    /// Until the thread takes it.
    set_up: Mutex<RawInterruptLock, Option<Box<SetUp>>>,
}

/// What the watcher's thread shares with the others.
struct Shared {
    /// Watches what the ring does not read.
    epoll: epoll::Poller,
    /// An eventfd that the ring reads. Writing to it ends a wait.
    bell: OwnedFd,
    rounds: Rounds,
    wanted: Mutex<RawInterruptLock, Wanted>,
    /// How many eventfds are read.
    count: AtomicUsize,
    refusal: Refusal,
}

/// What other threads want of the watcher's.
#[derive(Default)]
struct Wanted {
    /// What is to be read, by the numbers of the interrupts.
    read: BTreeMap<usize, Arc<Counter>>,
    /// What the thread has not learnt yet.
    requests: Vec<Request>,
}

enum Request {
    Read { number: usize, eventfd: OwnedFd, counter: Arc<Counter> },
    End { number: usize },
}

impl Poller {
    pub(super) fn new(epoll: epoll::Poller, Granted { set_up, bell }: Granted) -> Self {
        let shared = Arc::new(Shared {
            epoll,
            bell,
            rounds: Rounds::new(),
            wanted: Mutex::default(),
            count: AtomicUsize::new(0),
            refusal: Refusal::default(),
        });
        Self { shared, set_up: Mutex::new(Some(set_up)) }
    }

    /// For the thread, once.
    pub(super) fn events(&self) -> Events {
        let set_up = self.set_up.lock().take();
        Events::new(set_up.unwrap_or_else(|| unreachable!("one thread waits")), self.shared.epoll.events())
    }

    /// Ends the current wait, or else the next one.
    pub(super) fn wake(&self) {
        self.shared.wake();
    }

    /// Whether the thread's next wait is to park.
    pub(super) fn parks(&self) -> bool {
        self.shared.refusal.parks()
    }

    /// Has an eventfd read, and what was read noted.
    pub(super) fn read(&self, number: usize, counter: &Arc<Counter>) -> Result<(), SourceError> {
        let eventfd = system::duplicate(counter.as_fd()).map_err(failed("duplicating the source's descriptor"))?;
        counter.set_reader(Some(self.shared.clone()));
        self.shared.want(|wanted| {
            wanted.read.insert(number, counter.clone());
            wanted.requests.push(Request::Read { number, eventfd, counter: counter.clone() });
        });
        self.wake();
        Ok(())
    }

    /// Watches a descriptor that is not read.
    pub(super) fn watch(&self, event: Event, descriptor: BorrowedFd<'_>) -> Result<(), SourceError> {
        self.shared.epoll.watch(event, descriptor)
    }

    /// Stops reading and watching the interrupt's descriptors. Then nothing more is read, and what was read is noted.
    pub(super) fn unwatch(&self, number: usize) -> Result<(), SourceError> {
        let counter = self.shared.want(|wanted| {
            let counter = wanted.read.remove(&number)?;
            wanted.requests.push(Request::End { number });
            Some(counter)
        });
        if let Some(counter) = counter {
            // The thread learns of the request before its next wait begins.
            self.shared.rounds.settle(|| self.shared.ring());
            counter.set_reader(None);
        }
        self.shared.epoll.unwatch(number)
    }

    /// Whether any descriptor is read or watched.
    pub(super) fn watches(&self) -> bool {
        // Relaxed: as in `want`.
        self.shared.count.load(Relaxed) != 0 || self.shared.epoll.watches()
    }

    /// For the thread: waits as long as `wait` says. Returns whether there is something to do, or an error if the system
    /// refuses to wait.
    pub(super) fn wait(&self, events: &mut Events, wait: Wait) -> Result<bool, SourceError> {
        events.clear();
        let time = match wait {
            Wait::No if !self.watches() => return Ok(false),
            Wait::No => Some(Duration::ZERO),
            Wait::UntilWoken => None,
            Wait::For(time) => Some(time),
        };
        if self.parks() {
            self.shared.refusal.park(time);
            return Ok(false);
        }
        self.shared.rounds.begin();
        let waited = events.round(&self.shared, time);
        self.shared.rounds.end();
        waited
            .and_then(|woken| Ok(events.look_at_others(&self.shared)? || woken))
            .inspect_err(|_| self.shared.refusal.note())
    }
}

impl Shared {
    fn wake(&self) {
        if system::signal(&self.bell).is_err() {
            // A filter refuses writing. The epoll instance knows another way.
            self.epoll.wake();
        }
        self.refusal.wake();
    }

    /// Ends the wait that the thread is in.
    fn ring(&self) -> Rung {
        self.wake();
        Rung::Continue(None)
    }

    fn want<R>(&self, change: impl FnOnce(&mut Wanted) -> R) -> R {
        let mut wanted = self.wanted.lock();
        let result = change(&mut wanted);
        // Relaxed: it publishes nothing, and the thread looks again and again, so it sees the new count soon.
        self.count.store(wanted.read.len(), Relaxed);
        result
    }

    /// Has the epoll instance watch an eventfd that the ring can't read, if it is to be read still.
    fn leave_to_epoll(&self, read: &Read, eventfd: &OwnedFd) -> Result<(), SourceError> {
        let wanted = self.wanted.lock();
        if wanted.read.get(&read.number).is_some_and(|wanted| Arc::ptr_eq(wanted, &read.counter)) {
            self.epoll.watch(Event::Signal(read.number), eventfd.as_fd())?;
        }
        Ok(())
    }
}

impl Reader for Shared {
    fn settle_after_look(&self) {
        self.rounds.settle_after_look(|| self.ring());
    }
}

/// What the system has granted.
pub(super) struct Granted {
    set_up: Box<SetUp>,
    bell: OwnedFd,
}

impl Granted {
    /// Returns an error if the system refuses a ring.
    pub(super) fn beside(epoll: &epoll::Poller) -> Result<Self, SourceError> {
        let bell = system::eventfd().map_err(failed("making an eventfd"))?;
        Ok(Self { set_up: Box::new(SetUp::new(epoll, &bell)?), bell })
    }
}

/// A ring with what every poller has it do.
struct SetUp {
    ring: Ring,
    bell: Key,
    /// The epoll instance.
    others: Key,
}

impl SetUp {
    fn new(epoll: &epoll::Poller, bell: &OwnedFd) -> Result<Self, SourceError> {
        let duplicate = |file: BorrowedFd<'_>| system::duplicate(file).map_err(failed("duplicating a descriptor"));
        let (bell, others) = (duplicate(bell.as_fd())?, duplicate(epoll.as_fd())?);
        let mut ring = Ring::new().map_err(failed("making an io_uring, which needs Linux 6.7"))?;
        Ok(Self { bell: ring.read_counts(bell), others: ring.watch(others), ring })
    }
}

/// What the thread itself keeps from one wait to the next.
pub(in crate::dispatch::threads) struct Events {
    set_up: Box<SetUp>,
    is_open: bool,
    /// What is read, by the places of the keys.
    reads: Vec<Option<Read>>,
    /// The keys, by the numbers of the interrupts.
    keys: BTreeMap<usize, Key>,
    /// How many waits there have been.
    waits: usize,
    /// The interrupts for which the last wait has read something.
    read: Vec<usize>,
    /// The epoll instance may have something to report.
    others_are_ready: bool,
    /// What it has reported.
    others: epoll::Events,
}

/// An eventfd that is read for an interrupt.
struct Read {
    number: usize,
    counter: Arc<Counter>,
    /// The last wait that has read something.
    wait: usize,
}

impl Events {
    fn new(set_up: Box<SetUp>, others: epoll::Events) -> Self {
        Self {
            set_up,
            is_open: false,
            reads: Vec::new(),
            keys: BTreeMap::new(),
            waits: 0,
            read: Vec::new(),
            others_are_ready: false,
            others,
        }
    }

    pub(super) fn read(&self) -> &[usize] {
        &self.read
    }

    pub(super) fn others(&self) -> &epoll::Events {
        &self.others
    }

    fn clear(&mut self) {
        self.read.clear();
        self.others.clear();
    }

    /// One wait. Returns whether there is something to do.
    fn round(&mut self, shared: &Shared, time: Option<Duration>) -> Result<bool, SourceError> {
        let requests = mem::take(&mut shared.wanted.lock().requests);
        requests.into_iter().for_each(|request| self.hand_over(request));
        if !self.is_open {
            self.set_up.ring.open().map_err(failed("opening its io_uring"))?;
            self.is_open = true;
        }
        let time = if self.others_are_ready { Some(Duration::ZERO) } else { time };
        if time != Some(Duration::ZERO) {
            self.stay_awake();
        }
        self.set_up.ring.wait(time).map_err(failed("waiting for its sources"))?;
        self.note(shared)
    }

    /// Stays awake for a moment: the next signal often follows soon, and to sleep for it costs ten deliveries.
    fn stay_awake(&mut self) {
        let backoff = Backoff::new();
        while !backoff.is_completed() && !self.set_up.ring.has_news() {
            backoff.snooze();
        }
    }

    fn hand_over(&mut self, request: Request) {
        match request {
            Request::Read { number, eventfd, counter } => {
                let key = self.set_up.ring.read_counts(eventfd);
                if self.reads.len() <= key.place() {
                    self.reads.resize_with(key.place() + 1, || None);
                    // So that nothing is allocated on the way to an ISR.
                    self.read.reserve(self.reads.len());
                }
                self.reads[key.place()] = Some(Read { number, counter, wait: 0 });
                self.keys.insert(number, key);
            }
            Request::End { number } => {
                if let Some(key) = self.keys.remove(&number) {
                    self.set_up.ring.end(key);
                }
            }
        }
    }

    /// Notes what has completed.
    fn note(&mut self, shared: &Shared) -> Result<bool, SourceError> {
        self.waits += 1;
        let (mut woken, mut noted) = (false, Ok(()));
        let SetUp { ref mut ring, bell, others } = *self.set_up;
        ring.completions(|key, completion| match completion {
            Completion::Readable => self.others_are_ready = true,
            Completion::Count(_) if key == bell => woken = true,
            Completion::Count(count) => {
                let Some(read) = &mut self.reads[key.place()] else { return };
                read.counter.note(count);
                if read.wait != self.waits {
                    read.wait = self.waits;
                    self.read.push(read.number);
                }
            }
            Completion::Ended(_, Some(failure)) if key == bell || key == others => {
                noted = Err(failed("waiting for its sources")(failure));
            }
            Completion::Ended(eventfd, why) => {
                let Some(read) = self.reads[key.place()].take() else { return };
                if why.is_some() {
                    self.keys.remove(&read.number);
                    noted = shared.leave_to_epoll(&read, &eventfd);
                }
            }
        });
        noted.map(|()| woken || !self.read.is_empty())
    }

    /// Has the epoll instance report what it watches. Returns whether there is anything.
    fn look_at_others(&mut self, shared: &Shared) -> Result<bool, SourceError> {
        if self.others_are_ready {
            // It may have more than it reports at once. The ring does not tell of it again, so this looks until it is quiet;
            // also if nothing is watched, because a wake-up may have come by it.
            self.others_are_ready = shared.epoll.wait(&mut self.others, Wait::For(Duration::ZERO))?;
        }
        Ok(self.others_are_ready)
    }
}
