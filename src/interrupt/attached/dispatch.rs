//! The trait by which an interrupt uses its dispatcher.

use core::task::Waker;

use crate::cause::SourceError;
use crate::interrupt::attached::Attached;
use crate::name::Name;
use crate::source::Source;

/// What serves the interrupt, and is told of a queued work item.
pub(crate) enum Served {
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "there is no dispatcher without threads"))]
    By(Attached<dyn Dispatch>),
    /// The driver: it calls `service` itself. A `static` interrupt tells it of the work item by this.
    Driver(Option<fn()>),
}

/// A dispatcher, as an interrupt sees it. Its functions may be called with the interrupt lock held, and never wait for
/// it.
pub(crate) trait Dispatch: Send + Sync {
    /// Begins to wait on the source.
    fn arm(&self, source: &mut dyn Source) -> Result<(), SourceError>;

    /// Stops waiting on the source. Does nothing if it does not wait. Returns an error if the system refuses; the interrupt
    /// is served no longer all the same.
    fn disarm(&self) -> Result<(), SourceError>;

    /// Returns the waker that a source without a descriptor wakes.
    fn waker(&self) -> Waker;

    /// Schedules the interrupt with the worker, because its work item is queued.
    fn schedule(&self);

    /// As `schedule`, for what is left to the worker beside the work item. If there is no worker yet, starts one with
    /// the given name. Returns `false` if that fails.
    fn schedule_anyway(&self, name: &Name) -> bool;

    /// Returns the thread that serves this interrupt and no other, or why there is none.
    #[cfg(feature = "std")]
    fn own_thread(&self) -> Result<&crate::policy::placement::ThreadId, SourceError>;

    /// Tells the threads that serve no other interrupt to end, because this one has ended.
    fn ended(&self);

    /// Waits for the threads that served this interrupt and no other, except the calling thread. Called after `ended`.
    fn join(&self);
}
