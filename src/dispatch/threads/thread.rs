//! A thread of the crate: it is named, can be joined, and knows how the system calls it.

use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use alloc::string::ToString;
use alloc::sync::Arc;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::lock::raw::RawInterruptLock;
use crate::name::Name;
use crate::policy::placement;
use crate::sync::{AtomicUsize, Parker};

/// A running thread of a dispatcher. It can be joined once.
pub(super) struct DispatchThread {
    handle: Mutex<RawInterruptLock, Option<JoinHandle<()>>>,
    /// The thread as the system knows it. The thread sets it as it begins.
    system: Arc<OnceLock<placement::ThreadId>>,
}

impl DispatchThread {
    /// Starts a thread of that name, which runs `run`.
    pub(super) fn start(name: &Name, run: impl FnOnce() + Send + 'static) -> Result<Self, SourceError> {
        let system = Arc::new(OnceLock::new());
        let its_system = system.clone();
        thread::Builder::new()
            .name(name.to_string().replace('\0', ""))
            .spawn(move || {
                let _ = its_system.set(placement::ThreadId::current());
                prepare_to_wait();
                run();
            })
            .map(|handle| Self { handle: Mutex::new(Some(handle)), system })
            .map_err(|error| SourceError::os("starting a thread", &error))
    }

    /// Returns the thread as the system knows it. Waits until the thread has begun.
    pub(super) fn system(&self) -> placement::ThreadId {
        *self.system.wait()
    }

    /// Waits for the thread's end. Returns at once if the caller is that thread.
    pub(super) fn join(&self) {
        let handle = self.handle.lock().take();
        if let Some(handle) = handle
            && handle.thread().id() != thread::current().id()
        {
            // The thread catches the panics of callbacks. If it has panicked all the same, it has ended too.
            let _ = handle.join();
        }
    }
}

/// Makes the thread wait in the parking lot once. The parking lot allocates what it keeps for a thread when that thread
/// first waits there. It should do so here, and not on the way to an ISR whose lock is held.
fn prepare_to_wait() {
    Parker::new().park(&AtomicUsize::new(0), 0, || false, |_| {}, None);
}
