//! The work item (rules W1 to W4, W6 to W8).

use crate::answer::{Is, Queued, Refusal, Work, WorkItemRegistered};
use crate::single_core::word::Word;
use crate::single_core::{Driver, InterruptObject, Machine};

impl<D: Driver> InterruptObject<D> {
    /// The caller holds the lock, or what it has interrupted does, or the work item runs.
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

    /// Queues the work item. From an ISR, use [`IsrContext::queue_work_item`](crate::single_core::IsrContext::queue_work_item).
    ///
    /// It stands for *QueueWorkItemForIsr*. It may be called anywhere, in a vector and in the work item itself, too.
    #[doc(alias = "QueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueWorkItemForIsr")]
    pub fn queue_work_item<R>(&self) -> Queued
    where
        D::WorkItem: Is<R>,
        R: WorkItemRegistered,
    {
        let found = D::Machine::mask();
        // A vector that the mask does not stop may disable the interrupt, between the look at the phase and the queueing: not
        // where the lock is held.
        if !self.word.take() {
            let queued = self.queue();
            D::Machine::restore(found);
            return queued;
        }
        let queued = self.queue();
        self.release(found);
        queued
    }

    /// Returns whether a run of the work item is queued.
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
            // If the interrupt is being disabled, this is refused: then there is nothing more to do.
            // No vector can disable it during a run.
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
