//! Delivery to the ISR (rules I1 to I6, B3, B5).

use crate::answer::{Delivery, Work};
use crate::claim::Claim;
use crate::single_core::{Driver, InterruptObject, IsrContext, Machine, Registered};

impl<D: Driver> InterruptObject<D> {
    /// Serves the interrupt: runs the ISR with the lock held. The vector calls it.
    ///
    /// It never waits, and never panics. If the vector has interrupted code that holds the lock, it masks the line and
    /// returns [`Delivery::Pending`]: the release runs the ISR, and unmasks the line. Several such deliveries are one
    /// ISR run. If the interrupt is disabled, it returns [`Delivery::NotServed`].
    ///
    /// It stands for the framework's call of *OnInterruptIsr*.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    pub fn service(&self) -> Delivery {
        let found = D::Machine::mask();
        if self.word.take() {
            // SAFETY: this has just taken the lock, and this reference goes no further than the ISR.
            let delivery = self.deliver(unsafe { self.data() }, false);
            self.release(found);
            return delivery;
        }
        self.counts.delivery(Delivery::Pending);
        // The owner goes on after this, and looks.
        self.driver.mask_line();
        self.word.leave();
        D::Machine::restore(found);
        Delivery::Pending
    }

    /// Runs the ISR if the interrupt is enabled. The caller holds the lock, as `data` proves. `late`: the delivery was left to the owner, and
    /// has masked the line.
    #[inline]
    pub(super) fn deliver(&self, data: &mut D::Data, late: bool) -> Delivery {
        if !self.word.is_enabled() {
            self.counts.delivery(Delivery::NotServed);
            return Delivery::NotServed;
        }
        let claim = self.driver.isr(&mut IsrContext { data, object: self });
        self.counts.delivery(Delivery::Answered(claim));
        match claim {
            Claim::ClaimedKeepMasked => {
                self.word.keep();
                self.driver.mask_line();
            }
            // On one core nobody asks for a device that has gone: the interrupt is disabled.
            Claim::DeviceGone => {
                self.word.set_disabled();
                self.driver.mask_line();
            }
            Claim::Claimed | Claim::Unclaimed => {
                if late && !self.word.is_kept() {
                    self.driver.unmask_line();
                }
            }
        }
        Delivery::Answered(claim)
    }

    /// Unmasks an interrupt that its ISR has kept masked by [`Claim::ClaimedKeepMasked`]. The end of the work item's run
    /// does the same.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    #[track_caller]
    pub fn unmask(&self) {
        self.synchronize(|data| {
            if self.word.is_kept() {
                self.unmask_now(data);
            }
        });
    }

    /// Lets the device assert again, unless the driver finds that there is more to do. The interrupt is kept masked.
    pub(super) fn unmask_now(&self, data: &mut D::Data) {
        match self.driver.on_unmask(data) {
            // The end of that run comes here again.
            // (Where there is no work item, it stays kept masked until the next call of `unmask`.)
            Work::Again if D::WorkItem::REGISTERED => _ = self.queue(),
            Work::Again => {}
            Work::Done => {
                self.word.set_enabled();
                self.driver.unmask_line();
            }
        }
    }
}
