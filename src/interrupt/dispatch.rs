//! What an interrupt and whoever serves it want of each other.

use core::task::Waker;

#[cfg(feature = "std")]
use crate::Delivery;
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

/// What a dispatcher asks of an interrupt.
#[cfg(feature = "std")]
pub(crate) trait Serve: Send + Sync {
    /// The source's descriptor is readable. The answer is whether an ISR has run.
    fn serve(&self) -> bool;

    /// The source woke its waker. That says nothing of why, so its removal is asked for too. The answer is whether an
    /// ISR has run.
    fn woken(&self) -> bool;

    /// Its removal descriptor is readable. No ISR runs: `false`.
    fn serve_removal(&self) -> bool;

    /// Its line has been silent for the period that was set.
    fn silent(&self);

    /// It was scheduled.
    fn work(&self);
}

#[cfg(feature = "std")]
impl<T: Send, W: Send> Serve for crate::InterruptObject<T, W> {
    fn serve(&self) -> bool {
        let delivery = self.service();
        if delivery == Delivery::Pending {
            self.lost_guard();
        }
        matches!(delivery, Delivery::Answered(_))
    }

    fn woken(&self) -> bool {
        let delivery = self.service_woken();
        if delivery == Delivery::Pending {
            self.lost_guard();
        }
        matches!(delivery, Delivery::Answered(_))
    }

    fn serve_removal(&self) -> bool {
        if !self.try_service_removal() {
            self.lost_guard();
        }
        false
    }

    fn silent(&self) {
        if !self.service_silent() {
            self.lost_guard();
        }
    }

    fn work(&self) {
        // If there is more, it has scheduled itself again, behind the others.
        let _ = self.run_work();
        self.run_left_over();
        self.let_go();
        self.wake_device();
        self.take_deferred_end();
    }
}
