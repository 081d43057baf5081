//! What an interrupt and whoever serves it want of each other.

use core::task::Waker;

use crate::source::{Source, SourceError};

/// What an interrupt asks of its dispatcher. Called with the interrupt lock held; never waits for it.
pub(crate) trait Dispatch: Send + Sync {
    /// Waits on the source from now on.
    fn arm(&self, source: &mut dyn Source) -> Result<(), SourceError>;

    /// Waits on it no longer. Does nothing where it does not.
    fn disarm(&self);

    /// What a source without a descriptor wakes.
    fn waker(&self) -> Waker;

    /// Has the worker look at the interrupt: its work item is queued.
    fn schedule(&self);

    /// Has the worker look at the interrupt: its device is asked for. Called without the lock. Starts the worker if
    /// there is none yet; the answer is whether there is one.
    #[cfg(feature = "std")]
    fn schedule_removal(&self) -> bool;
}

/// What a dispatcher asks of an interrupt.
#[cfg(all(feature = "std", not(loom)))]
pub(crate) trait Serve: Send + Sync {
    /// The source's descriptor is readable.
    fn serve(&self);

    /// The source woke its waker, which says less: it may mean a removal as well.
    fn serve_woken(&self);

    /// Its removal descriptor did.
    fn serve_removal(&self);

    /// It was scheduled. The answer is whether it wants to be again.
    fn work(&self) -> bool;
}

#[cfg(all(feature = "std", not(loom)))]
impl<T: Send, W: Send> Serve for crate::InterruptObject<T, W> {
    fn serve(&self) {
        // What became of it is in the counters.
        let _ = self.service();
    }

    fn serve_woken(&self) {
        self.serve();
        if self.state() == crate::State::Enabled {
            self.service_removal();
        }
    }

    fn serve_removal(&self) {
        self.service_removal();
    }

    fn work(&self) -> bool {
        let more = self.run_work();
        self.let_go();
        more
    }
}
