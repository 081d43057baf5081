//! The thread that waits on sources.

#[cfg(unix)]
use std::os::fd::BorrowedFd;

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use super::poller::{Event, Poller};
use super::ready::{Flag, List, Next};
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
}

impl Waiter {
    pub(super) fn start(name: &Name) -> Result<Self, SourceError> {
        let poller = Arc::new(Poller::new()?);
        let bell = poller.clone();
        let shared =
            Arc::new(Shared { list: List::new(move || bell.wake()), poller, watched: Mutex::new(BTreeMap::new()) });
        let theirs = shared.clone();
        let thread = Thread::start(name, move || theirs.run())?;
        Ok(Self { shared, thread })
    }

    pub(super) fn flag(&self, object: Weak<dyn Serve>) -> Arc<Flag> {
        self.shared.list.flag(object)
    }

    /// Serves the `event` of the interrupt when `descriptor` is readable: a removal once, a signal always.
    #[cfg(unix)]
    pub(super) fn watch(
        &self,
        flag: &Flag,
        object: &Weak<dyn Serve>,
        event: fn(u64) -> Event,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        self.shared.watched.lock().insert(flag.id, object.clone());
        self.shared.poller.watch(event(flag.id), descriptor)
    }

    /// Watches neither of the two any more.
    pub(super) fn unwatch(&self, flag: &Flag) {
        self.shared.poller.unwatch(flag.id);
        self.shared.watched.lock().remove(&flag.id);
    }

    pub(super) fn stop(&self) {
        self.shared.list.stop();
    }

    pub(super) fn join(&self) {
        self.thread.join();
    }
}

impl Shared {
    fn run(&self) {
        let mut events = self.poller.events();
        loop {
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
            // Only those raised by now: one that is raised again at once (a line that never falls) would keep the
            // descriptors from being looked at. Who is raised from here on has rung the bell for the next turn.
            for _ in 0..self.list.raised().max(1) {
                match self.list.next() {
                    Next::Flag(flag) => {
                        if let Some(object) = flag.object() {
                            object.woken();
                        }
                    }
                    Next::Nothing => break,
                    Next::Stopped => return,
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
