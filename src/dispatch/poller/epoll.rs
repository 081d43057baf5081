//! Waiting on Linux: one epoll instance for the sources' descriptors, and an eventfd to be woken by.
//!
//! Both are watched for edges: what becomes readable is told once, and again for each signal that comes after. So a
//! source that `take` has emptied isn't asked by the system a second time, and the bell is never read: each ring is an
//! edge. Nothing is lost by it. What was readable before it is watched is told at once; `take` leaves nothing behind; and
//! where an interrupt is not served (disabled, faulted, its lock lost) it is watched no longer.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use lock_api::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

use crate::dispatch::poller::{Event, Wait};
use crate::lock::raw::RawInterruptLock;
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::{Name, SourceError};

/// The bell's place among the interrupts'.
const BELL: u64 = u64::MAX;
/// How many are served for one call of the system.
const BATCH: usize = 64;
/// No time at all.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

pub(in crate::dispatch) struct Poller {
    epoll: OwnedFd,
    bell: OwnedFd,
    /// Duplicates of the watched descriptors: a source may go while its interrupt is still watched.
    watched: Mutex<RawInterruptLock, BTreeMap<u64, OwnedFd>>,
    /// How many they are.
    count: AtomicUsize,
}

pub(in crate::dispatch) type Events = Vec<epoll::Event>;

impl Poller {
    pub(in crate::dispatch) fn new() -> Result<Self, SourceError> {
        let doing = |doing| move |errno| os(doing, errno);
        let poller = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(doing("making an epoll instance"))?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(doing("making an eventfd"))?,
            watched: Mutex::new(BTreeMap::new()),
            count: AtomicUsize::new(0),
        };
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&poller.epoll, &poller.bell, epoll::EventData::new_u64(BELL), edges)
            .map_err(doing("watching an eventfd"))?;
        Ok(poller)
    }

    pub(in crate::dispatch) fn events(&self) -> Events {
        Vec::with_capacity(BATCH)
    }

    /// Ends the wait that is going on, or the next.
    pub(in crate::dispatch) fn wake(&self) {
        // It can only fail because it is full, which it is after 2^64 rings.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    pub(in crate::dispatch) fn watch(&self, event: Event, descriptor: BorrowedFd<'_>) -> Result<(), SourceError> {
        let (key, flags) = match event {
            Event::Signal(number) => (signal(number), epoll::EventFlags::IN | epoll::EventFlags::ET),
            // Once: it stays readable from then on.
            Event::Removal(number) => (removal(number), epoll::EventFlags::IN | epoll::EventFlags::ONESHOT),
        };
        let descriptor = rustix::io::fcntl_dupfd_cloexec(descriptor.as_fd(), 0)
            .map_err(|errno| os("duplicating the source's descriptor", errno))?;
        let mut watched = self.watched.lock();
        epoll::add(&self.epoll, &descriptor, epoll::EventData::new_u64(key), flags)
            .map_err(|errno| os("watching the source's descriptor", errno))?;
        watched.insert(key, descriptor);
        self.note(watched.len());
        Ok(())
    }

    pub(in crate::dispatch) fn unwatch(&self, number: usize) {
        let mut watched = self.watched.lock();
        for key in [signal(number), removal(number)] {
            if let Some(descriptor) = watched.remove(&key) {
                // It was added, and closing it would not do: other duplicates keep its file open.
                let _ = epoll::delete(&self.epoll, &descriptor);
            }
        }
        self.note(watched.len());
    }

    fn note(&self, watched: usize) {
        // Relaxed: publishes nothing. The thread looks again and again, so it sees this soon.
        self.count.store(watched, Relaxed);
    }

    /// Whether there is a descriptor to be looked at.
    pub(in crate::dispatch) fn watches(&self) -> bool {
        // Relaxed: as in `note`.
        self.count.load(Relaxed) != 0
    }

    /// Waits as long as it is told to. The answer is whether a descriptor is ready, or the bell has rung.
    pub(in crate::dispatch) fn wait(&self, events: &mut Events, wait: Wait) -> bool {
        events.clear();
        let timeout = match wait {
            Wait::No if !self.watches() => return false,
            Wait::No => Some(AT_ONCE),
            Wait::UntilWoken => None,
            // What the system can't say is as good as for ever.
            Wait::For(time) => Timespec::try_from(time).ok(),
        };
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Ok(ready) => ready != 0,
            // The arguments are this file's own: there is no error but an interrupted wait.
            Err(_) => false,
        }
    }

    /// Which descriptors the last wait found.
    pub(in crate::dispatch) fn ready(events: &Events) -> impl Iterator<Item = Event> {
        events.iter().filter_map(|event| match event.data.u64() {
            BELL => None,
            key if key & 1 == 0 => Some(Event::Signal((key >> 1) as usize)),
            key => Some(Event::Removal((key >> 1) as usize)),
        })
    }
}

/// The places of an interrupt's two descriptors among all the others'.
fn signal(number: usize) -> u64 {
    (number as u64) << 1
}

fn removal(number: usize) -> u64 {
    signal(number) | 1
}

fn os(doing: &'static str, errno: Errno) -> SourceError {
    SourceError::Os { doing: Name::new(doing), source: errno.into() }
}
