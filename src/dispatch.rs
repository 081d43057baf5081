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

    /// Has the worker look at the interrupt: its work item is queued, or its device is asked for.
    fn schedule(&self);
}

/// What a dispatcher asks of an interrupt.
#[cfg(all(feature = "std", not(loom)))]
pub(crate) trait Serve: Send + Sync {
    /// The source made itself known.
    fn serve(&self);

    /// Its removal descriptor did.
    fn serve_removal(&self);

    /// It was scheduled.
    fn work(&self);
}

#[cfg(all(feature = "std", not(loom)))]
impl<T: Send, W: Send> Serve for crate::InterruptObject<T, W> {
    fn serve(&self) {
        // What became of it is in the counters.
        let _ = self.service();
    }

    fn serve_removal(&self) {
        self.service_removal();
    }

    fn work(&self) {
        // If there is more, it has scheduled itself again, behind the others.
        let _ = self.run_work();
        self.let_go();
    }
}
