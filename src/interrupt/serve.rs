//! What a dispatcher asks of an interrupt.

use crate::Delivery;
use crate::interrupt::InterruptObject;

/// What a dispatcher asks of an interrupt.
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

impl<T: Send, W: Send> Serve for InterruptObject<T, W> {
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
