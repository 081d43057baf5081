//! The thread that runs work items. It waits on no source.

use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use alloc::string::ToString;
use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use super::ready::{Flag, List, Next};
use crate::dispatch::Serve;
use crate::raw_lock::RawInterruptLock;
use crate::source::Errno;
use crate::{Name, SourceError};

/// The thread, once there is something that it may have to run.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Mutex<RawInterruptLock, Option<Arc<Thread>>>,
}

struct Shared {
    list: Arc<List>,
    parked: Arc<OnceLock<thread::Thread>>,
}

impl Worker {
    pub(super) fn new() -> Self {
        let parked = Arc::new(OnceLock::<thread::Thread>::new());
        let bell = parked.clone();
        Self {
            shared: Arc::new(Shared {
                list: List::new(move || {
                    if let Some(thread) = bell.get() {
                        thread.unpark();
                    }
                }),
                parked,
            }),
            thread: Mutex::new(None),
        }
    }

    pub(super) fn start(&self, name: &Name) -> Result<(), SourceError> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let theirs = self.shared.clone();
            *thread = Some(Arc::new(Thread::start(name, move || theirs.run())?));
        }
        Ok(())
    }

    pub(super) fn flag(&self, object: Weak<dyn Serve>) -> Arc<Flag> {
        self.shared.list.flag(object)
    }

    pub(super) fn stop(&self) {
        self.shared.list.stop();
        // By its handle too: a thread that has just been started may not have made itself known to the bell yet.
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }

    pub(super) fn join(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        // Before the first look at the list: who raises a flag before this is seen by that look.
        let _ = self.parked.set(thread::current());
        loop {
            match self.list.next() {
                Next::Flag(flag) => {
                    if let Some(object) = flag.object() {
                        object.work();
                    }
                }
                Next::Nothing => thread::park(),
                Next::Stopped => return,
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

/// A thread of ours, to be joined once.
pub(super) struct Thread(Mutex<RawInterruptLock, Option<JoinHandle<()>>>);

impl Thread {
    pub(super) fn start(name: &Name, run: impl FnOnce() + Send + 'static) -> Result<Self, SourceError> {
        thread::Builder::new()
            .name(name.to_string().replace('\0', ""))
            .spawn(run)
            .map(|handle| Self(Mutex::new(Some(handle))))
            .map_err(|error| SourceError::Os {
                doing: Name::new("starting a thread"),
                source: Errno::new(error.raw_os_error().unwrap_or(0)),
            })
    }

    /// Ends the park that is going on, or the next.
    fn unpark(&self) {
        if let Some(handle) = &*self.0.lock() {
            handle.thread().unpark();
        }
    }

    /// Waits for its end, unless it is the caller.
    pub(super) fn join(&self) {
        let handle = self.0.lock().take();
        if let Some(handle) = handle
            && handle.thread().id() != thread::current().id()
        {
            // It catches what its callbacks throw; should it have panicked all the same, it has ended.
            let _ = handle.join();
        }
    }
}
