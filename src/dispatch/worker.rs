//! The thread that runs work items. It waits on no source.

use std::sync::OnceLock;
use std::thread;

use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use crate::dispatch::ready_list::{Bell, ReadyList, Slot};
use crate::dispatch::thread::Thread;
use crate::interrupt::serve::Serve;
use crate::lock::raw::RawInterruptLock;
use crate::sync;
use crate::sync::Backoff;
use crate::{Name, Polling, SourceError};

/// The thread, once there is something that it may have to run.
pub(super) struct Worker {
    pending: Arc<ReadyList<Parked>>,
    thread: Mutex<RawInterruptLock, Option<Arc<Thread>>>,
}

/// One interrupt's place there.
pub(super) type WorkerSlot = Slot<Parked>;

/// The thread as its bell knows it: from before it sleeps for the first time.
#[derive(Default)]
pub(super) struct Parked(OnceLock<thread::Thread>);

impl Bell for Parked {
    fn ring(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { pending: ReadyList::new(Parked::default()), thread: Mutex::new(None) }
    }

    pub(super) fn start(&self, name: &Name) -> Result<(), SourceError> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let theirs = self.pending.clone();
            *thread = Some(Arc::new(Thread::start(name, move || theirs.run())?));
        }
        Ok(())
    }

    pub(super) fn slot(&self, object: &Weak<dyn Serve>) -> WorkerSlot {
        let slot = self.pending.slot();
        slot.open(object, Polling::None, None);
        slot
    }

    pub(super) fn stop(&self) {
        self.pending.stop();
    }

    pub(super) fn join(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.join();
        }
    }
}

/// The thread's own part.
impl ReadyList<Parked> {
    fn run(&self) {
        let _ = self.bell.0.set(thread::current());
        loop {
            self.wait();
            let raised = self.take();
            if raised.is_stop() {
                return;
            }
            for bit in raised {
                self.find_all(bit, |_, found| {
                    if let Some(found) = found {
                        found.object.work();
                        // It may be the last of its interrupt.
                        sync::drop_caught(found);
                    }
                });
            }
        }
    }

    /// Waits until something is raised: awake for a moment first, since an ISR seldom runs alone.
    fn wait(&self) {
        let backoff = Backoff::new();
        while !self.is_raised() {
            if !backoff.is_completed() {
                backoff.snooze();
            } else if self.sleep() {
                // It may return for no reason; then there is nothing to be taken.
                thread::park();
                return;
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
        self.join();
    }
}
