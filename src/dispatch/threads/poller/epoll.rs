//! Waiting on Linux: one epoll instance watches the descriptors of the sources, and an eventfd that ends the wait.
//!
//! All are watched edge-triggered: epoll reports a descriptor once when it becomes readable, and once more for each
//! later signal. So epoll does not report a source again that `take` has emptied. And the eventfd never has to be read,
//! because each write to it is an edge.
//!
//! Nothing is lost by it:
//!
//! - A descriptor that is readable when it is added is reported at once.
//! - `take` leaves nothing in a source.
//! - An interrupt that is not served (disabled, faulted, its lock lost) is watched no longer.
//!
//! A thread that serves one eventfd alone waits in its `read` instead: see `reading`.
//!
//! # A system that refuses
//!
//! A filter may refuse any of these calls, from any moment on (rule I19).
//!
//! - A wait that is refused faults all interrupts that the thread serves. Then the thread parks, and does not ask again
//!   before an interrupt is enabled.
//! - A wake-up by writing that is refused is made by registering the eventfd anew: it is readable from the start.
//! - A descriptor that can't be taken out stays in, under its key. It is taken out before the next is added.
//! - A `read` that is refused is a wait that is refused. A ring that `write` can't make is made by `writev`. If that is
//!   refused as well, a disable is a fault, and the thread is left asleep until the next signal.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::dispatch::threads::poller::reading::{Reading, Sole};
use crate::dispatch::threads::poller::refusal::Refusal;
use crate::dispatch::threads::poller::{Event, Wait};
use crate::lock::raw::RawInterruptLock;
use crate::source::waitable::{Counter, Slept};
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::system;
use crate::system::{Epoll, Failure, Report, failed};

/// The key of the eventfd among the keys of the interrupts.
const WAKE: u64 = u64::MAX;

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    epoll: Epoll,
    /// An eventfd that is readable from the start. Writing to it ends a wait.
    wake_event: OwnedFd,
    /// Duplicates of the watched descriptors, because a source may close its own while it is still watched.
    watched: Mutex<RawInterruptLock, BTreeMap<u64, Arc<OwnedFd>>>,
    /// How many descriptors are watched.
    count: AtomicUsize,
    sole: Sole,
    refusal: Refusal,
}

/// What a wait has found, and how the thread waits.
pub(in crate::dispatch::threads) struct Events {
    reported: system::Events,
    /// The interrupt whose signals a `read` has taken.
    taken: Option<usize>,
    /// The eventfd in whose `read` the thread waits next.
    reading: Option<Reading>,
}

impl Events {
    pub(super) fn clear(&mut self) {
        self.reported.clear();
        self.taken = None;
    }

    fn has_signal(&self) -> bool {
        self.reported.keys().any(|key| key != WAKE)
    }
}

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        let poller = Self {
            epoll: Epoll::new().map_err(failed("making an epoll instance"))?,
            wake_event: system::eventfd().map_err(failed("making an eventfd"))?,
            watched: Mutex::new(BTreeMap::new()),
            count: AtomicUsize::new(0),
            sole: Sole::default(),
            refusal: Refusal::default(),
        };
        system::signal(&poller.wake_event).map_err(failed("signalling an eventfd"))?;
        poller.epoll.add(&poller.wake_event, WAKE, Report::Edges).map_err(failed("watching an eventfd"))?;
        Ok(poller)
    }

    pub(in crate::dispatch::threads) fn events(&self) -> Events {
        Events { reported: system::Events::new(), taken: None, reading: None }
    }

    /// Ends the current wait, or else the next one.
    pub(in crate::dispatch::threads) fn wake(&self) {
        if system::signal(&self.wake_event).is_err() {
            // If this is refused too, nothing is left that could end the wait.
            let _ = self.epoll.report_again(&self.wake_event, WAKE, Report::Edges);
        }
        self.sole.wake();
        self.refusal.wake();
    }

    /// Whether the thread's next wait is to park.
    pub(in crate::dispatch::threads) fn parks(&self) -> bool {
        self.refusal.parks()
    }

    pub(in crate::dispatch::threads) fn watch(
        &self,
        event: Event,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        let (key, report) = match event {
            Event::Signal(number) => (signal_key(number), Report::Edges),
            // Reported once, because it stays readable from then on.
            Event::Removal(number) => (removal_key(number), Report::Once),
        };
        let descriptor = system::duplicate(descriptor).map_err(failed("duplicating the source's descriptor"))?;
        let descriptor = Arc::new(descriptor);
        let mut watched = self.watched.lock();
        self.take_out(&mut watched, key)?;
        self.epoll.add(&*descriptor, key, report).map_err(failed("watching the source's descriptor"))?;
        watched.insert(key, descriptor);
        self.set_count(watched.len());
        Ok(())
    }

    /// Watches the interrupt's eventfd. If the thread serves nothing else, it may sleep in its `read`.
    pub(in crate::dispatch::threads) fn watch_counter(
        &self,
        number: usize,
        counter: &Arc<Counter>,
        serves_it_alone: bool,
    ) -> Result<(), SourceError> {
        self.watch(Event::Signal(number), counter.as_fd())?;
        if serves_it_alone && counter.may_block() {
            let duplicate = self.watched.lock().get(&signal_key(number)).cloned();
            duplicate.inspect(|duplicate| self.sole.offer(number, counter, duplicate));
        }
        Ok(())
    }

    /// Stops watching the interrupt's descriptors. Returns after what a `read` has taken is noted.
    pub(in crate::dispatch::threads) fn unwatch(&self, number: usize) -> Result<(), SourceError> {
        let withdrawn = self.sole.withdraw(number);
        let mut watched = self.watched.lock();
        let taken_out = [signal_key(number), removal_key(number)].map(|key| self.take_out(&mut watched, key));
        self.set_count(watched.len());
        taken_out.into_iter().fold(withdrawn, Result::and)
    }

    /// Takes the descriptor of that key out, if there is one. Explicitly: closing it would not be enough, since other
    /// duplicates keep the file open.
    fn take_out(&self, watched: &mut BTreeMap<u64, Arc<OwnedFd>>, key: u64) -> Result<(), SourceError> {
        let Some(descriptor) = watched.get(&key) else { return Ok(()) };
        self.epoll.delete(&**descriptor).map_err(failed("watching the source's descriptor no longer"))?;
        watched.remove(&key);
        Ok(())
    }

    /// Sets how many descriptors are watched.
    fn set_count(&self, watched: usize) {
        // Relaxed: it publishes nothing, and the thread looks again and again, so it sees the new count soon.
        self.count.store(watched, Relaxed);
    }

    /// Whether any descriptor is watched.
    pub(in crate::dispatch::threads) fn watches(&self) -> bool {
        // Relaxed: as in `set_count`.
        self.count.load(Relaxed) != 0
    }

    /// Waits as long as `wait` says. Returns whether a descriptor is readable or another thread has ended the wait, or
    /// an error if the system refuses to wait.
    pub(in crate::dispatch::threads) fn wait(&self, events: &mut Events, wait: Wait) -> Result<bool, SourceError> {
        let time = match wait {
            Wait::No if !self.watches() => {
                events.clear();
                return Ok(false);
            }
            Wait::No => Some(core::time::Duration::ZERO),
            Wait::UntilWoken => None,
            Wait::For(time) => Some(time),
        };
        if self.parks() {
            events.clear();
            self.refusal.park(time);
            return Ok(false);
        }
        if time.is_none()
            && let Some(found) = self.wait_in_read(events)?
        {
            return Ok(found);
        }
        events.taken = None;
        self.epoll.wait(&mut events.reported, time).map_err(|failure| self.refused(failure))?;
        if events.has_signal() {
            self.change_over(events);
        }
        Ok(!events.reported.is_empty())
    }

    /// Waits in a `read`. Returns whether there are signals, or `None` if the thread has to wait with epoll.
    fn wait_in_read(&self, events: &mut Events) -> Result<Option<bool>, SourceError> {
        let Some(reading) = &mut events.reading else { return Ok(None) };
        let slept = reading.sleep();
        events.reported.clear();
        events.taken = (slept == Ok(Slept::Signalled)).then(|| reading.number());
        match slept {
            Ok(Slept::Signalled) => return Ok(Some(true)),
            Ok(Slept::Rung) => return Ok(Some(false)),
            _ => {}
        }
        let Some(reading) = events.reading.take() else { return Ok(None) };
        if slept.map_err(|failure| self.refused(failure))? == Slept::NonBlocking {
            self.watch_again(&reading)?;
        }
        Ok(None)
    }

    /// After epoll has reported something: has the thread wait in a `read` from now on, if it may.
    fn change_over(&self, events: &mut Events) {
        let Some(reading) = self.sole.accept() else { return };
        if !reading.prepare() {
            return;
        }
        // A disable may have been faster, and an enable after it, which watches it anew.
        let mut watched = self.watched.lock();
        if self.sole.still_offers(&reading) && self.take_out(&mut watched, signal_key(reading.number())).is_ok() {
            self.set_count(watched.len());
            events.reading = Some(reading);
        }
    }

    /// Has the thread wait with epoll again, for an eventfd that it can't sleep in.
    fn watch_again(&self, reading: &Reading) -> Result<(), SourceError> {
        let mut watched = self.watched.lock();
        if !self.sole.give_up(reading)? {
            // A disable has been faster.
            return Ok(());
        }
        let key = signal_key(reading.number());
        self.epoll.add(&**reading.file(), key, Report::Edges).map_err(|failure| self.refused(failure))?;
        watched.insert(key, reading.file().clone());
        self.set_count(watched.len());
        Ok(())
    }

    /// The system has refused what a wait needs.
    #[cold]
    fn refused(&self, failure: Failure) -> SourceError {
        self.refusal.note();
        failed("waiting for its sources")(failure)
    }

    /// Returns the descriptors that the last wait found readable.
    pub(in crate::dispatch::threads) fn ready(events: &Events) -> impl Iterator<Item = Event> + '_ {
        let reported = events.reported.keys().filter_map(|key| match key {
            WAKE => None,
            key if key & 1 == 0 => Some(Event::Signal((key >> 1) as usize)),
            key => Some(Event::Removal((key >> 1) as usize)),
        });
        events.taken.map(Event::Signal).into_iter().chain(reported)
    }
}

/// Readable while there is something to report.
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// The keys of an interrupt's two descriptors in the epoll instance.
fn signal_key(number: usize) -> u64 {
    (number as u64) << 1
}

fn removal_key(number: usize) -> u64 {
    signal_key(number) | 1
}
