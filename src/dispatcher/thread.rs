//! A thread of ours.

use std::thread::{self, JoinHandle};

use alloc::string::ToString;

use lock_api::Mutex;

use crate::raw_lock::RawInterruptLock;
use crate::source::Errno;
use crate::sync::{AtomicUsize, Parker};
use crate::{Name, SourceError};

/// The thread, to be joined once.
pub(super) struct Thread(Mutex<RawInterruptLock, Option<JoinHandle<()>>>);

impl Thread {
    pub(super) fn start(name: &Name, run: impl FnOnce() + Send + 'static) -> Result<Self, SourceError> {
        thread::Builder::new()
            .name(name.to_string().replace('\0', ""))
            .spawn(|| {
                prepare_to_wait();
                run();
            })
            .map(|handle| Self(Mutex::new(Some(handle))))
            .map_err(|error| SourceError::Os {
                doing: Name::new("starting a thread"),
                source: Errno::new(error.raw_os_error().unwrap_or(0)),
            })
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

/// The parking lot allocates what it keeps for each thread when that one first waits there: here, and not on the way to
/// an ISR whose lock is held.
fn prepare_to_wait() {
    Parker::new().park(&AtomicUsize::new(0), 0, || false, |_| {}, None);
}
