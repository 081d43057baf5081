//! The trait by which a dispatcher serves an interrupt, without its types.

use crate::answer::Delivery;
use crate::cause::SourceError;
use crate::fault::Fault;
use crate::interrupt::InterruptObject;

/// An interrupt, as its dispatcher sees it.
pub(crate) trait Serve: Send + Sync {
    /// Serves it after the source's descriptor has become readable. Returns whether an ISR has run.
    fn serve(&self) -> bool;

    /// Serves it after the source has woken its waker. A waker does not say why, so this looks for a removal too.
    /// Returns whether an ISR has run.
    fn woken(&self) -> bool;

    /// Looks for a removal after the removal descriptor has become readable. Returns `false`: no ISR runs.
    #[cfg(unix)]
    fn serve_removal(&self) -> bool;

    /// Runs the ISR after the line has been silent for the period that the driver has set.
    fn silent(&self);

    /// Faults it, because the system refuses what its dispatcher needs to serve it.
    fn refused(&self, error: &SourceError);

    /// Runs what was scheduled: the work item, and what was left to the worker beside it.
    fn work(&self);
}

impl<T: Send, W: Send> Serve for InterruptObject<T, W> {
    fn serve(&self) -> bool {
        self.has_run_isr(self.service())
    }

    fn woken(&self) -> bool {
        self.has_run_isr(self.service_woken())
    }

    #[cfg(unix)]
    fn serve_removal(&self) -> bool {
        if !self.try_service_removal() {
            self.stop_after_lost_guard();
        }
        false
    }

    fn silent(&self) {
        if !self.service_silent() {
            self.stop_after_lost_guard();
        }
    }

    fn refused(&self, error: &SourceError) {
        self.leave_fault(Fault::Source(error.clone()));
    }

    fn work(&self) {
        // If another run is queued, it has scheduled itself again, behind other interrupts. (A worker has nothing that
        // others wait for, so it closes no circle.)
        let _ = self.run_work(false);
        self.run_left_over();
        self.do_requested_removal();
        self.wake_device();
        self.take_deferred_end();
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Returns whether the delivery has run the ISR. If it met a leaked guard, stops the dispatcher's wait.
    fn has_run_isr(&self, delivery: Delivery) -> bool {
        if delivery == Delivery::Pending {
            self.stop_after_lost_guard();
        }
        matches!(delivery, Delivery::Answered(_))
    }
}
