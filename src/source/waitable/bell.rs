//! What ends a thread's wait.

use alloc::sync::Arc;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use crate::cause::SourceError;
use crate::source::waitable::rounds::{Rounds, Rung};
use crate::win32;

/// An event that ends the wait of one thread, and the rounds of that thread.
pub(crate) struct Bell {
    event: OwnedHandle,
    pub(crate) rounds: Rounds,
}

impl Bell {
    pub(crate) fn new() -> Result<Arc<Self>, SourceError> {
        Ok(Arc::new(Self { event: win32::event(false)?, rounds: Rounds::new() }))
    }

    /// Ends the thread's current wait, or else its next one.
    pub(crate) fn ring(&self) {
        // The event is the crate's own: only code that closes handles which are not its own makes this fail.
        let _ = win32::set(self.event.as_handle());
    }

    /// Makes the thread look anew at what it waits for, if it waits.
    pub(crate) fn tell(&self) {
        if self.rounds.is_waiting() {
            self.ring();
        }
    }

    /// Returns after the thread has noted all that its waits had taken before the call.
    pub(crate) fn settle(&self) {
        self.rounds.settle(|| {
            self.ring();
            Rung::Continue(None)
        });
    }
}

impl AsHandle for Bell {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.event.as_handle()
    }
}
