//! Waiting on Linux: one epoll instance for the sources' descriptors, and an eventfd to be woken by.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use lock_api::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;

use super::Event;
use crate::raw_lock::RawInterruptLock;
use crate::{Name, SourceError};

/// The bell's place among the interrupts'.
const BELL: u64 = u64::MAX;
/// How many are served for one call of the system.
const BATCH: usize = 64;

pub(in crate::dispatcher) struct Poller {
    epoll: OwnedFd,
    bell: OwnedFd,
    /// Duplicates of the watched descriptors: a source may go while its interrupt is still watched.
    watched: Mutex<RawInterruptLock, BTreeMap<u64, OwnedFd>>,
}

pub(in crate::dispatcher) type Events = Vec<epoll::Event>;

impl Poller {
    pub(in crate::dispatcher) fn new() -> Result<Self, SourceError> {
        let doing = |doing| move |errno| os(doing, errno);
        let poller = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(doing("making an epoll instance"))?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(doing("making an eventfd"))?,
            watched: Mutex::new(BTreeMap::new()),
        };
        epoll::add(&poller.epoll, &poller.bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)
            .map_err(doing("watching an eventfd"))?;
        Ok(poller)
    }

    pub(in crate::dispatcher) fn events(&self) -> Events {
        Vec::with_capacity(BATCH)
    }

    /// Ends the wait that is going on, or the next.
    pub(in crate::dispatcher) fn wake(&self) {
        // It can only fail because it is full, and then it rings already.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    pub(in crate::dispatcher) fn watch(&self, event: Event, descriptor: BorrowedFd<'_>) -> Result<(), SourceError> {
        let (key, flags) = match event {
            Event::Signal(id) => (id << 1, epoll::EventFlags::IN),
            // Once: it stays readable from then on.
            Event::Removal(id) => (id << 1 | 1, epoll::EventFlags::IN | epoll::EventFlags::ONESHOT),
        };
        let descriptor = rustix::io::fcntl_dupfd_cloexec(descriptor.as_fd(), 0)
            .map_err(|errno| os("duplicating the source's descriptor", errno))?;
        let mut watched = self.watched.lock();
        epoll::add(&self.epoll, &descriptor, epoll::EventData::new_u64(key), flags)
            .map_err(|errno| os("watching the source's descriptor", errno))?;
        watched.insert(key, descriptor);
        Ok(())
    }

    pub(in crate::dispatcher) fn unwatch(&self, id: u64) {
        let mut watched = self.watched.lock();
        for key in [id << 1, id << 1 | 1] {
            if let Some(descriptor) = watched.remove(&key) {
                // It was added, and closing it would not do: other duplicates keep its file open.
                let _ = epoll::delete(&self.epoll, &descriptor);
            }
        }
    }

    /// Waits until somebody is ready, or the bell rings.
    pub(in crate::dispatcher) fn wait<'a>(&self, events: &'a mut Events) -> impl Iterator<Item = Event> + 'a {
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            // The arguments are this file's own: no other error is possible, and one would come back at once for ever.
            Err(errno) => unreachable!("epoll_wait: {errno}"),
        }
        if events.iter().any(|event| event.data.u64() == BELL) {
            let mut rung = [0; 8];
            // Nobody else reads it; if it were empty, there would be nothing to do.
            let _ = rustix::io::read(&self.bell, &mut rung);
        }
        events.iter().filter_map(|event| match event.data.u64() {
            BELL => None,
            key if key & 1 == 0 => Some(Event::Signal(key >> 1)),
            key => Some(Event::Removal(key >> 1)),
        })
    }
}

fn os(doing: &'static str, errno: Errno) -> SourceError {
    SourceError::Os { doing: Name::new(doing), source: errno.into() }
}
