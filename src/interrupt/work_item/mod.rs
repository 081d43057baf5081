//! The work item: what the ISR leaves to be done without the interrupt lock.

mod context;
pub(crate) mod word;

pub use context::WorkItemContext;
pub(crate) use word::WorkWord;

use crate::interrupt::InterruptObject;
use crate::interrupt::state::{ENDED, FAULTED, REMOVED};
use crate::interrupt::work_item::word::{Ended, Queueing};
use crate::lock::InterruptLockGuard;
use crate::sync;
use crate::{Callback, Fault};

/// Marks an interrupt that has a work item.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, WithWorkItem};
/// let interrupt: Interrupt<(), WithWorkItem> =
///     Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
pub struct WithWorkItem(());

/// Marks an interrupt that has none.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, NoWorkItem};
/// let interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
pub struct NoWorkItem(());

/// Says that a work item is registered; implemented by [`WithWorkItem`] alone.
///
/// ```
/// fn has_one<W: interrupt_lock::WorkItemRegistered>() {}
/// has_one::<interrupt_lock::WithWorkItem>();
/// ```
#[diagnostic::on_unimplemented(
    message = "this interrupt has no work item",
    label = "no work item is registered",
    note = "register one with `.work_item(…)` while building the interrupt"
)]
pub trait WorkItemRegistered: sealed::Sealed {}

impl WorkItemRegistered for WithWorkItem {}

/// The compiler shows the message above only where the bound is on another type parameter than the one that is known.
#[doc(hidden)]
pub trait Is<R> {}

impl<W> Is<W> for W {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::WithWorkItem {}
}

/// What became of a queueing (rule W1).
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Queued};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
/// interrupt.enable()?;
/// assert_eq!(interrupt.queue_work_item(), Queued::New);
/// assert_eq!(interrupt.queue_work_item(), Queued::Merged);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It will run once for this queueing (and for those merged into it).
    New,
    /// One was queued already that has not begun; it will do for both.
    Merged,
    /// It was not taken.
    Refused(Refusal),
}

/// Why a queueing was refused.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Queued, Refusal};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
/// assert_eq!(interrupt.queue_work_item(), Queued::Refused(Refusal::Disabled));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The interrupt is disabled, or being disabled.
    Disabled,
    /// It is quarantined.
    Faulted,
    /// Its device has gone.
    Removed,
    /// Its handle has gone.
    Ended,
}

/// What a work item answers.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Work};
///
/// let interrupt = Interrupt::builder(vec![1, 2, 3])
///     .isr(|_| Claim::Claimed)
///     .work_item(|interrupt| match interrupt.synchronize(|data| data.pop()) {
///         Some(_) => Work::Again, // one at a time, to be fair to other work items
///         None => Work::Done,
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.queue_work_item();
/// while interrupt.run_work_item() {}
/// assert!(interrupt.acquire_interrupt_lock().is_empty());
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// There is nothing left to do.
    #[default]
    Done,
    /// Its budget is spent and there is more: it is queued again (rule W8).
    Again,
}

/// What a work item may return: nothing, or [`Work`].
///
/// ```
/// use interrupt_lock::{Work, WorkOutcome};
/// assert_eq!(().into_work(), Work::Done);
/// ```
pub trait WorkOutcome {
    /// The answer in one form.
    fn into_work(self) -> Work;
}

impl WorkOutcome for () {
    fn into_work(self) -> Work {
        Work::Done
    }
}

impl WorkOutcome for Work {
    fn into_work(self) -> Work {
        self
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Queues the work item: *QueueWorkItemForIsr*, from anywhere (rule W8). Never waits.
    ///
    /// Queueings merge until the work item begins; one made while it runs causes one more run. So a work item looks for
    /// all there is to do, not for one thing. Between an enable and the next disable none is lost.
    ///
    /// It exists only where a work item is registered (rule W6).
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
            Queueing::New => {
                if let Some(dispatch) = &self.dispatch {
                    dispatch.schedule();
                }
                Queued::New
            }
            Queueing::Merged => Queued::Merged,
            Queueing::Closed => Queued::Refused(self.refusal()),
        }
    }

    #[cold]
    fn refusal(&self) -> Refusal {
        if self.state.has(ENDED) {
            Refusal::Ended
        } else if self.state.has(REMOVED) {
            Refusal::Removed
        } else if self.state.has(FAULTED) {
            Refusal::Faulted
        } else {
            Refusal::Disabled
        }
    }

    /// Runs the work item once if it is queued and not running: *OnInterruptWorkItem*. The answer says whether another
    /// run is queued, so that a driver's own loop may do other things in between.
    ///
    /// A dispatcher's worker does this by itself. It runs on the calling thread, without the interrupt lock; runs of
    /// one interrupt never overlap (rule W3): while one is going on elsewhere this does nothing, and that one's caller
    /// learns that there is more.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|_| Claim::Claimed)
    ///     .work_item(|interrupt| interrupt.synchronize(|runs| *runs += 1))
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.queue_work_item();
    /// while interrupt.run_work_item() {}
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
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
        self.run_work()
    }

    pub(crate) fn run_work(&self) -> bool {
        let Some(queueings) = self.work.begin() else {
            return false;
        };
        let merged = queueings.saturating_sub(1);
        self.work_run.add_exclusive(1);
        if merged != 0 {
            self.counters.work_merged.add_exclusive(merged);
        }
        let context = WorkItemContext { object: self, merged };
        // SAFETY: the work word lets one run begin at a time, and orders each after the one before it.
        let answer = unsafe {
            self.work_fn.with(|work| match work {
                Some(work) => sync::catch(|| work.call(&context)),
                None => Ok(Work::Done),
            })
        };
        match answer {
            Ok(Work::Done) => {}
            // Refused where the interrupt is being disabled: then there is nothing more to do.
            Ok(Work::Again) => {
                let _ = self.queue();
            }
            Err(message) => self.quarantine_from_outside(Callback::WorkItem, message),
        }
        let Ended { more, kept } = self.work.end();
        // The worker may have come by during this run and gone again.
        if let Some(dispatch) = self.dispatch.as_ref().filter(|_| more) {
            dispatch.schedule();
        }
        if kept && let Some(mut data) = self.lock_unless_leaked() {
            // One that the ISR has queued since, which may run elsewhere by now, is the one that the line waits for.
            if self.work.is_idle() {
                self.unmask_kept(&mut data);
            }
        }
        self.after_section();
        more
    }

    /// Quarantines the interrupt for what panicked without the interrupt lock.
    #[cold]
    pub(in crate::interrupt) fn quarantine_from_outside(&self, callback: Callback, message: crate::Name) {
        let Some(lock) = self.lock_unless_leaked() else { return };
        // SAFETY: with the lock held, and from no callback that runs under it: those would hold the lock.
        unsafe {
            self.registered.with(|registered| self.quarantine(registered, Fault::Panicked { callback, message }));
        }
        drop(lock);
    }

    /// The interrupt lock, unless the work item leaked a guard on this thread: then nobody gets it any more.
    fn lock_unless_leaked(&self) -> Option<InterruptLockGuard<'_, T>> {
        self.lock().acquire_until(None).ok()
    }

    /// Runs what is queued on this thread and waits for what runs elsewhere. The word is closed, so this ends.
    pub(in crate::interrupt) fn flush_work(&self) {
        while !self.work.is_idle() {
            self.work.wait_until_not_running();
            // Whether there is more is asked above: another thread may have been faster.
            let _ = self.run_work();
        }
    }

    /// Whether a work item is queued that has not begun: what a driver's own loop asks before it sleeps.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
    /// assert!(!interrupt.is_work_item_queued());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn is_work_item_queued(&self) -> bool {
        self.work.is_queued()
    }
}
