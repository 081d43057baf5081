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

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use lock_api::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

use crate::cause::SourceError;
use crate::dispatch::threads::poller::{Event, Wait};
use crate::lock::raw::RawInterruptLock;
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::system::failed;

/// The key of the eventfd among the keys of the interrupts.
const WAKE: u64 = u64::MAX;
/// How many descriptors one system call may report.
const BATCH: usize = 64;
/// No time at all.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    epoll: OwnedFd,
    /// An eventfd. Writing to it ends a wait.
    wake_event: OwnedFd,
    /// Duplicates of the watched descriptors, because a source may close its own while it is still watched.
    watched: Mutex<RawInterruptLock, BTreeMap<u64, OwnedFd>>,
    /// How many descriptors are watched.
    count: AtomicUsize,
}

pub(in crate::dispatch::threads) type Events = Vec<epoll::Event>;

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        let poller = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed("making an epoll instance"))?,
            wake_event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map_err(failed("making an eventfd"))?,
            watched: Mutex::new(BTreeMap::new()),
            count: AtomicUsize::new(0),
        };
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&poller.epoll, &poller.wake_event, epoll::EventData::new_u64(WAKE), edges)
            .map_err(failed("watching an eventfd"))?;
        Ok(poller)
    }

    pub(in crate::dispatch::threads) fn events(&self) -> Events {
        Vec::with_capacity(BATCH)
    }

    /// Ends the current wait, or else the next one.
    pub(in crate::dispatch::threads) fn wake(&self) {
        // It can only fail because the counter is full, and that would take 2^64 wake-ups.
        let _ = rustix::io::write(&self.wake_event, &1u64.to_ne_bytes());
    }

    pub(in crate::dispatch::threads) fn watch(
        &self,
        event: Event,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        let (key, flags) = match event {
            Event::Signal(number) => (signal_key(number), epoll::EventFlags::IN | epoll::EventFlags::ET),
            // Reported once, because it stays readable from then on.
            Event::Removal(number) => (removal_key(number), epoll::EventFlags::IN | epoll::EventFlags::ONESHOT),
        };
        let descriptor = rustix::io::fcntl_dupfd_cloexec(descriptor.as_fd(), 0)
            .map_err(failed("duplicating the source's descriptor"))?;
        let mut watched = self.watched.lock();
        epoll::add(&self.epoll, &descriptor, epoll::EventData::new_u64(key), flags)
            .map_err(failed("watching the source's descriptor"))?;
        watched.insert(key, descriptor);
        self.set_count(watched.len());
        Ok(())
    }

    pub(in crate::dispatch::threads) fn unwatch(&self, number: usize) {
        let mut watched = self.watched.lock();
        for key in [signal_key(number), removal_key(number)] {
            if let Some(descriptor) = watched.remove(&key) {
                // Removed explicitly: closing it would not be enough, since other duplicates keep the file open. It
                // can't fail, since it was added.
                let _ = epoll::delete(&self.epoll, &descriptor);
            }
        }
        self.set_count(watched.len());
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

    /// Waits as long as `wait` says. Returns whether a descriptor is readable or another thread has ended the wait.
    pub(in crate::dispatch::threads) fn wait(&self, events: &mut Events, wait: Wait) -> bool {
        events.clear();
        let timeout = match wait {
            Wait::No if !self.watches() => return false,
            Wait::No => Some(AT_ONCE),
            Wait::UntilWoken => None,
            // A time that the system can't express is as good as for ever.
            Wait::For(time) => Timespec::try_from(time).ok(),
        };
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Ok(ready) => ready != 0,
            // An interrupted wait. (Others are taken for one: rule I19 asks for more.)
            Err(_) => false,
        }
    }

    /// Returns the descriptors that the last wait found readable.
    pub(in crate::dispatch::threads) fn ready(events: &Events) -> impl Iterator<Item = Event> {
        events.iter().filter_map(|event| match event.data.u64() {
            WAKE => None,
            key if key & 1 == 0 => Some(Event::Signal((key >> 1) as usize)),
            key => Some(Event::Removal((key >> 1) as usize)),
        })
    }
}

/// The keys of an interrupt's two descriptors in the epoll instance.
fn signal_key(number: usize) -> u64 {
    (number as u64) << 1
}

fn removal_key(number: usize) -> u64 {
    signal_key(number) | 1
}
