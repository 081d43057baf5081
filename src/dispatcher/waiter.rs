//! The thread that waits on sources.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(unix)]
use std::os::fd::BorrowedFd;

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use super::poller::{Event, Poller};
use super::ready::{Flag, List};
use super::worker::Thread;
use crate::dispatch::Serve;
use crate::raw_lock::RawInterruptLock;
use crate::{Name, SourceError};

/// The thread, and what it waits on.
pub(super) struct Waiter {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    poller: Arc<Poller>,
    list: Arc<List>,
    watched: Mutex<RawInterruptLock, BTreeMap<u64, Weak<dyn Serve>>>,
    next_id: AtomicU64,
    stop: AtomicBool,
}

impl Waiter {
    pub(super) fn start(name: &Name) -> Result<Self, SourceError> {
        let poller = Arc::new(Poller::new()?);
        let bell = poller.clone();
        let shared = Arc::new(Shared {
            list: List::new(move || bell.wake()),
            poller,
            watched: Mutex::new(BTreeMap::new()),
            next_id: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let theirs = shared.clone();
        let thread = Thread::start(name, move || theirs.run())?;
        Ok(Self { shared, thread })
    }

    pub(super) fn flag(&self, object: Weak<dyn Serve>) -> Arc<Flag> {
        // Relaxed: only its uniqueness counts.
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        self.shared.list.flag(id, object)
    }

    /// Serves the interrupt whenever `descriptor` is readable.
    #[cfg(unix)]
    pub(super) fn watch(
        &self,
        flag: &Flag,
        object: &Weak<dyn Serve>,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        self.shared.watched.lock().insert(flag.id, object.clone());
        self.shared.poller.watch(Event::Signal(flag.id), descriptor)
    }

    /// Serves its removal once, when `descriptor` becomes readable.
    #[cfg(unix)]
    pub(super) fn watch_removal(
        &self,
        flag: &Flag,
        object: &Weak<dyn Serve>,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        self.shared.watched.lock().insert(flag.id, object.clone());
        self.shared.poller.watch(Event::Removal(flag.id), descriptor)
    }

    /// Watches neither of the two any more.
    pub(super) fn unwatch(&self, flag: &Flag) {
        self.shared.poller.unwatch(flag.id);
        self.shared.watched.lock().remove(&flag.id);
    }

    pub(super) fn stop(&self) {
        // Relaxed: the bell below, and its answer, order it.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.poller.wake();
    }

    pub(super) fn join(&self) {
        self.thread.join();
    }
}

impl Shared {
    fn run(&self) {
        let mut events = self.poller.events();
        // Relaxed: see `stop`.
        while !self.stop.load(Ordering::Relaxed) {
            for event in self.poller.wait(&mut events) {
                let object = |id| self.watched.lock().get(&id).and_then(Weak::upgrade);
                match event {
                    Event::Signal(id) => {
                        if let Some(object) = object(id) {
                            object.serve();
                        }
                    }
                    Event::Removal(id) => {
                        if let Some(object) = object(id) {
                            object.serve_removal();
                        }
                    }
                }
            }
            while let Some(flag) = self.list.next() {
                if let Some(object) = flag.object() {
                    object.serve_woken();
                }
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.stop();
        self.join();
    }
}
