//! Delivery to the ISR (rules I1 to I6, B3, B5).

use crate::answer::{Delivery, Work};
use crate::claim::Claim;
use crate::single_core::{Driver, InterruptObject, IsrContext, Machine, Registered};

impl<D: Driver> InterruptObject<D> {
    /// Serves the interrupt: runs the ISR with the lock held. The vector calls it.
    ///
    /// It never waits, and never panics. If the vector has interrupted code that holds the lock, it masks the line and
    /// returns [`Delivery::Pending`]: the release runs the ISR, and unmasks the line. Several such deliveries are one
    /// ISR run. If the interrupt is disabled, it masks the line and returns [`Delivery::NotServed`].
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

    /// Runs the ISR if the interrupt is enabled. The caller holds the lock, as `data` proves. A `late` delivery was left to
    /// the owner, and has masked the line.
    #[inline]
    pub(super) fn deliver(&self, data: &mut D::Data, late: bool) -> Delivery {
        if !self.word.is_enabled() {
            if !late {
                // A level would come again at once. The next enable unmasks the line.
                self.driver.mask_line();
            }
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

    /// Unmasks an interrupt that its ISR has kept masked by [`Claim::ClaimedKeepMasked`]. Never waits.
    ///
    /// It runs the unmask callback, and unmasks the line. The end of the work item's run does the same, so a driver needs
    /// this function only if it deals with the device elsewhere. If nothing is kept masked, it does nothing.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::Claim;
    /// use interrupt_lock::single_core::{Functions, InterruptObject, Plain};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// static LINE_IS_ON: AtomicBool = AtomicBool::new(false); // in firmware: a bit of the interrupt controller
    ///
    /// static CALLBACKS: Functions<u32, Board> = Functions::new(|alarms| {
    ///     **alarms += 1;
    ///     Claim::ClaimedKeepMasked // the sensor goes on asserting until it has been read, over a slow bus
    /// })
    /// .line(|| LINE_IS_ON.store(false, Relaxed), || LINE_IS_ON.store(true, Relaxed));
    /// static SENSOR: InterruptObject<Plain<u32, Board>> = InterruptObject::new(0, &CALLBACKS);
    ///
    /// SENSOR.enable()?;
    /// SENSOR.service();
    /// assert!(!LINE_IS_ON.load(Relaxed));
    /// // The main loop reads the sensor here.
    /// SENSOR.unmask();
    /// assert!(LINE_IS_ON.load(Relaxed));
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
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
            // The end of that run comes here again. (Without a work item, the next call of `unmask` does.)
            Work::Again if D::WorkItem::REGISTERED => _ = self.queue(),
            Work::Again => {}
            Work::Done => {
                self.word.set_enabled();
                self.driver.unmask_line();
            }
        }
    }
}
