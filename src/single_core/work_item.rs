//! The work item (rules W1 to W4, W6 to W8).

use crate::answer::{Is, Queued, Refusal, Work, WorkItemRegistered};
use crate::single_core::word::Word;
use crate::single_core::{Driver, InterruptObject, Machine};

impl<D: Driver> InterruptObject<D> {
    /// Queues a run, and tells of it. The caller, or what it has interrupted, holds the lock or runs the work item: no
    /// vector can disable the interrupt in between.
    pub(super) fn queue(&self) -> Queued {
        if !self.word.is_enabled() {
            return Queued::Refused(Refusal::Disabled);
        }
        let new = self.word.queue();
        self.counts.queueing(new);
        if !new {
            return Queued::Merged;
        }
        // The end of a run tells by itself.
        if !self.word.runs() {
            self.driver.on_queued();
        }
        Queued::New
    }

    /// Queues the work item, for any code but the ISR, which has [`IsrContext::queue_work_item`] for this. Never waits.
    ///
    /// It may be called in a vector, in a section and in the work item itself. Queueings merge until the work item begins;
    /// one that comes while it runs causes one more run. A disabled interrupt refuses.
    ///
    /// It stands for *QueueWorkItemForIsr*.
    ///
    /// [`IsrContext::queue_work_item`]: crate::single_core::IsrContext::queue_work_item
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::single_core::{Functions, InterruptObject, Plain};
    /// use interrupt_lock::{Claim, Queued, Refusal, WithWorkItem, Work};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    ///
    /// static CALLBACKS: Functions<(), Board, WithWorkItem> =
    ///     Functions::with_work_item(|_| Claim::Claimed, |_| Work::Done);
    /// static DISPLAY: InterruptObject<Plain<(), Board, WithWorkItem>> = InterruptObject::new((), &CALLBACKS);
    ///
    /// assert_eq!(DISPLAY.queue_work_item(), Queued::Refused(Refusal::Disabled));
    /// DISPLAY.enable()?;
    /// assert_eq!(DISPLAY.queue_work_item(), Queued::New); // a button asks for another page
    /// assert_eq!(DISPLAY.queue_work_item(), Queued::Merged);
    /// while DISPLAY.run_work_item() {}
    /// assert!(!DISPLAY.is_work_item_queued());
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
    #[doc(alias = "QueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueWorkItemForIsr")]
    pub fn queue_work_item<R>(&self) -> Queued
    where
        D::WorkItem: Is<R>,
        R: WorkItemRegistered,
    {
        let found = D::Machine::mask();
        // With the lock held, by this or by what it has interrupted: otherwise a vector that the mask does not stop might
        // disable the interrupt between the look at the phase and the queueing.
        let taken = self.word.take();
        let queued = self.queue();
        if taken {
            self.release(found);
        } else {
            D::Machine::restore(found);
        }
        queued
    }

    /// Returns whether a run of the work item is queued. Never waits.
    #[must_use]
    pub fn is_work_item_queued(&self) -> bool {
        self.word.is_queued()
    }

    /// Runs the work item if it is queued. Returns whether another run is queued, which can begin now.
    ///
    /// The main loop calls it, or PendSV, or a task: `while UART.run_work_item() {}`. If the caller has interrupted a section
    /// of this interrupt, or a run of its work item, it does nothing. Then [`Driver::on_queued`] is called again as the
    /// section ends, or the run.
    ///
    /// # Examples
    ///
    /// See [`Driver::work_item`].
    #[must_use = "another run may be queued"]
    #[doc(alias = "OnInterruptWorkItem")]
    #[doc(alias = "EvtInterruptWorkItem")]
    #[doc(alias = "EvtInterruptDpc")]
    pub fn run_work_item<R>(&self) -> bool
    where
        D::WorkItem: Is<R>,
        R: WorkItemRegistered,
    {
        self.run()
    }

    /// Runs what is queued, after a disable. It ends: a disabled interrupt refuses to queue another run.
    pub(super) fn flush(&self) {
        while self.word.is_queued() {
            let _ = self.run();
        }
    }

    fn run(&self) -> bool {
        if !self.masked(Word::begin_run) {
            return false;
        }
        self.counts.run();
        if self.driver.work_item(self) == Work::Again {
            // No vector disables it during a run, so this needs no lock. If a disable has it run, this is refused: then
            // there is nothing more to do.
            let _ = self.masked(|_| self.queue());
        }
        let found = D::Machine::mask();
        self.word.end_run();
        if self.word.is_queued() {
            D::Machine::restore(found);
            self.driver.on_queued();
            return true;
        }
        if self.word.is_kept() && self.word.take() {
            // SAFETY: this has just taken the lock, and this reference goes no further than the unmask callback.
            self.unmask_now(unsafe { self.data() });
            self.release(found);
        } else {
            D::Machine::restore(found);
        }
        // The unmask callback may have found more to do.
        self.word.is_queued()
    }
}
