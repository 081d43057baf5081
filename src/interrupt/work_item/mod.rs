//! The work item: what the ISR leaves to be done without the interrupt lock.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | queueing it, running it, flushing it | W1, W4, W6, W7, W8 |
//! | `word` | the word that says whether it is queued and whether it runs | W1, W2, W3 |
//! | `context` | the argument of the work item | W4 |
//!
//! The callback lock, under which a serialized work item runs (rule W5), is in `device`.

mod context;
pub(crate) mod word;

pub use context::WorkItemContext;
pub(crate) use word::WorkWord;

use crate::answer::State;
use crate::answer::{Is, Queued, Refusal, Work, WorkItemRegistered};
use crate::circle::Circle;
use crate::fault::{Callback, Fault};
use crate::interrupt::InterruptObject;
use crate::interrupt::attached::{Parent, Served};
use crate::interrupt::state::UNMASK_LEFT;
use crate::interrupt::work_item::word::{Queueing, RunEnd};
use crate::sync;
use crate::sync::Panicked;

impl<T, W> InterruptObject<T, W> {
    /// Queues the work item, for the ISR or any other code ([rule W8](crate::guide::contract#w8)). Never waits.
    ///
    /// Queueings merge until the work item begins. A queueing while the work item runs causes one more run. So a work
    /// item does all that there is to do, not one thing a queueing. Between an enable and the next disable no queueing
    /// is lost.
    ///
    /// If the interrupt is disabled, faulted, removed or ended, returns [`Queued::Refused`] with the reason.
    ///
    /// The function exists only if a work item is registered ([rule W6](crate::guide::contract#w6)). It stands for
    /// *QueueWorkItemForIsr*.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, Queued};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
    /// interrupt.enable()?;
    /// assert_eq!(interrupt.queue_work_item(), Queued::New);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "QueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueWorkItemForIsr")]
    pub fn queue_work_item<R>(&self) -> Queued
    where
        W: Is<R>,
        R: WorkItemRegistered,
    {
        self.queue()
    }

    pub(in crate::interrupt) fn queue(&self) -> Queued {
        match self.work.queue() {
            // In a forked child nobody would run it.
            Queueing::New | Queueing::Merged if self.state.is_inherited() => Queued::Refused(Refusal::Ended),
            Queueing::New => {
                self.tell_of_work();
                Queued::New
            }
            Queueing::Merged => Queued::Merged,
            Queueing::Closed => Queued::Refused(self.why_closed()),
        }
    }

    /// Tells of a queued run what has to make it: the worker, or the code behind the hook of a `static` interrupt.
    #[inline]
    fn tell_of_work(&self) {
        match &self.served {
            Served::By(dispatch) => dispatch.schedule(),
            Served::Driver(Some(queued)) => queued(),
            Served::Driver(None) => {}
        }
    }

    #[cold]
    fn why_closed(&self) -> Refusal {
        match self.state.snapshot() {
            State::Ended => Refusal::Ended,
            State::Removed => Refusal::Removed,
            State::Faulted => Refusal::Faulted,
            _ => Refusal::Disabled,
        }
    }

    /// Runs the work item once, if it is queued and not running: for a driver's own loop.
    ///
    /// Returns whether another run is queued. So a loop may do other things between two runs.
    ///
    /// The work item runs on the calling thread, without the interrupt lock. Runs of one interrupt never overlap ([rule
    /// W3](crate::guide::contract#w3)): if a run is under way on another thread, this does nothing and returns
    /// `false`, and the call that runs it returns whether another run is queued. The worker of a dispatcher calls this
    /// by itself.
    ///
    /// If the work item is [serialized](crate::Builder::automatic_serialization), the run waits for the device's
    /// callback lock ([rule W5](crate::guide::contract#w5)), before it begins. A panic of the work item is a fault, and
    /// does not reach the caller.
    ///
    /// It stands for the framework's call of *OnInterruptWorkItem*.
    ///
    /// # Panics
    ///
    /// If the work item is serialized, and the wait for the callback lock would never end: the calling thread holds it
    /// already, or holds what its owner waits for. The work item stays queued.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// struct Disk {
    ///     finished: u32,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Disk { finished: 0 })
    ///     .isr(|_| Claim::Claimed)
    ///     .work_item(|interrupt| interrupt.synchronize(|disk| disk.finished += 1))
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.queue_work_item();
    /// while interrupt.run_work_item() {}
    /// assert_eq!(interrupt.acquire_interrupt_lock().finished, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use = "another run may be queued"]
    #[doc(alias = "OnInterruptWorkItem")]
    #[doc(alias = "EvtInterruptWorkItem")]
    #[doc(alias = "EvtInterruptDpc")]
    pub fn run_work_item<R>(&self) -> bool
    where
        W: Is<R>,
        R: WorkItemRegistered,
    {
        if self.state.is_inherited() {
            return false;
        }
        match self.serializer() {
            None => self.run_unserialized(),
            Some(device) => self.run_serialized_or_panic(device),
        }
    }

    #[cold]
    fn run_serialized_or_panic(&self, device: &dyn Parent) -> bool {
        match self.run_serialized(device, false) {
            Ok(more) => more,
            Err(None) => panic!("{}: this thread holds the callback lock, which the work item needs", self.name()),
            Err(Some(circle)) => panic!("{}: waiting for the callback lock would never end: {circle}", self.name()),
        }
    }

    /// Runs the work item once, if it is queued and not running. Returns whether another run is queued.
    ///
    /// Returns an error if the wait for the callback lock would never end: with the circle, or nothing if this thread
    /// holds the lock itself, or if the wait has been called off (`for_end`: only an end's can be).
    pub(crate) fn run_work(&self, for_end: bool) -> Result<bool, Option<Circle>> {
        match self.serializer() {
            None => Ok(self.run_unserialized()),
            Some(device) => self.run_serialized(device, for_end),
        }
    }

    fn run_unserialized(&self) -> bool {
        let more = self.run_once();
        self.after_section();
        more
    }

    /// The callback lock comes before the run, because a run that has begun can't be put off.
    #[cold]
    fn run_serialized(&self, device: &dyn Parent, for_end: bool) -> Result<bool, Option<Circle>> {
        let mut more = false;
        if self.work.is_queued() {
            device.serialize(&mut || more = self.run_once(), for_end)?;
        }
        self.after_section();
        Ok(more)
    }

    #[inline]
    fn run_once(&self) -> bool {
        let Some(merged) = self.work.begin() else {
            return false;
        };
        self.work_run.count_exclusive();
        if merged != 0 {
            self.counters.work_merged.add_exclusive(merged);
        }
        let context = WorkItemContext { object: self, merged };
        // SAFETY: the work word lets a run begin only if no other is under way, and orders each run after the one
        // before.
        let answer = unsafe { self.work_fn.with(|work| sync::call(|| work.call(&context))) };
        match answer {
            Ok(Work::Done) => {}
            // If the interrupt is being disabled, this is refused: then there is nothing more to do.
            Ok(Work::Again) => {
                let _ = self.queue();
            }
            Err(panicked) => self.work_panicked(panicked),
        }
        let RunEnd { mut more, kept } = self.work.end();
        // The worker may have looked during this run, found it under way, and left.
        if more {
            self.tell_of_work();
        }
        if kept {
            self.leave(UNMASK_LEFT);
            // The unmask callback may have asked for another run, or the interrupt may have ended.
            more = self.is_work_item_queued();
        }
        more
    }

    #[cold]
    fn work_panicked(&self, panicked: Panicked) {
        let message = panicked.message();
        self.leave_fault(Fault::Panicked { callback: Callback::WorkItem, message });
    }

    /// Runs the queued work item on this thread, and waits for a run on another. This ends, because the word is closed.
    ///
    /// Returns an error if a wait would never end, as [`run_work`](Self::run_work) does, or if it has been called off.
    /// Only the wait of an end can be.
    pub(in crate::interrupt) fn flush_work(&self, for_end: bool) -> Result<(), Option<Circle>> {
        // In a forked child a run that is under way never ends.
        while !self.work.is_idle() && !self.state.is_inherited() {
            self.work.wait_until_not_running(self.name(), for_end)?;
            // The loop's condition asks whether there is more, because another thread may have been faster.
            let _ = self.run_work(for_end)?;
        }
        Ok(())
    }

    /// Returns whether the work item is queued and has not begun, for a driver's own loop before it sleeps.
    ///
    /// A snapshot; never waits.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
    /// assert!(!interrupt.is_work_item_queued());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn is_work_item_queued(&self) -> bool {
        self.work.is_queued() && !self.state.is_inherited()
    }
}
