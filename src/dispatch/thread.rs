//! A thread of ours.

use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use alloc::string::ToString;
use alloc::sync::Arc;

use lock_api::Mutex;

use crate::Errno;
use crate::lock::raw::RawInterruptLock;
use crate::policy::placement;
use crate::sync::{AtomicUsize, Parker};
use crate::{Name, SourceError};

/// The thread, to be joined once.
pub(super) struct Thread {
    handle: Mutex<RawInterruptLock, Option<JoinHandle<()>>>,
    /// As the thread itself says as it begins.
    system: Arc<OnceLock<placement::ThreadId>>,
}

impl Thread {
    pub(super) fn start(name: &Name, run: impl FnOnce() + Send + 'static) -> Result<Self, SourceError> {
        let system = Arc::new(OnceLock::new());
        let theirs = system.clone();
        thread::Builder::new()
            .name(name.to_string().replace('\0', ""))
            .spawn(move || {
                let _ = theirs.set(placement::ThreadId::current());
                prepare_to_wait();
                run();
            })
            .map(|handle| Self { handle: Mutex::new(Some(handle)), system })
            .map_err(|error| SourceError::Os {
                doing: Name::new("starting a thread"),
                source: Errno::new(error.raw_os_error().unwrap_or(0)),
            })
    }

    /// The thread as the system knows it. Waits for the thread to begin.
    pub(super) fn system(&self) -> placement::ThreadId {
        *self.system.wait()
    }

    /// Waits for its end, unless it is the caller.
    pub(super) fn join(&self) {
        let handle = self.handle.lock().take();
        if let Some(handle) = handle
            && handle.thread().id() != thread::current().id()
        {
            // It catches what its callbacks throw; should it have panicked all the same, it has ended.
            let _ = handle.join();
        }
    }
}

/// The parking lot allocates what it keeps for each thread when that one first waits there: here, and not on the way to
/// an ISR whose lock is held.
fn prepare_to_wait() {
    Parker::new().park(&AtomicUsize::new(0), 0, || false, |_| {}, None);
}
