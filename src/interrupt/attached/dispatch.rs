//! What an interrupt asks of its dispatcher.

use core::task::Waker;

use crate::Name;
use crate::SourceError;
use crate::source::Source;

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

    /// As `schedule`, for what is left to be done beside the work item: a worker that nobody needed so far is started, by
    /// that name. `false` if there is none to be had.
    fn schedule_anyway(&self, name: &Name) -> bool;

    /// As `schedule_anyway`, for an interrupt that nobody else may keep any more: it is kept until the worker has
    /// looked at it.
    fn schedule_end(&self, name: &Name) -> bool;

    /// The thread that serves this interrupt and no other, or why there is none.
    #[cfg(feature = "std")]
    fn own_thread(&self) -> Result<crate::policy::placement::ThreadId, SourceError>;

    /// The interrupt has ended: it is not kept any more, and threads that served it alone may go.
    fn ended(&self);

    /// Waits for threads that served this interrupt alone, which has ended; not for the calling thread itself.
    fn join(&self);
}
