//! The work item: whether there is one, what a queueing answers, what a run answers.

/// The type parameter `W` of an interrupt that has a work item.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, WithWorkItem};
/// let interrupt: Interrupt<(), WithWorkItem> =
///     Interrupt::builder(()).isr(|_| Claim::Claimed).work_item(|_| ()).build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
pub struct WithWorkItem(());

/// The type parameter `W` of an interrupt that has no work item.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, NoWorkItem};
/// let interrupt: Interrupt<(), NoWorkItem> = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug)]
pub struct NoWorkItem(());

/// The bound of functions that need a registered work item. [`WithWorkItem`] alone implements it.
///
/// ```
/// use interrupt_lock::{WithWorkItem, WorkItemRegistered};
///
/// fn needs_a_work_item<W: WorkItemRegistered>() {}
/// needs_a_work_item::<WithWorkItem>();
/// ```
#[diagnostic::on_unimplemented(
    message = "this interrupt has no work item",
    label = "no work item is registered",
    note = "register one with `.work_item(…)` while building the interrupt, or by the driver's `type WorkItem`"
)]
pub trait WorkItemRegistered: sealed::Sealed {}

impl WorkItemRegistered for WithWorkItem {}

/// Moves the bound `WorkItemRegistered` to a second type parameter: the compiler shows the message above only there.
#[doc(hidden)]
pub trait Is<R> {}

impl<W> Is<W> for W {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::WithWorkItem {}

    pub trait SealedOutcome {}
    impl SealedOutcome for () {}
    impl SealedOutcome for super::Work {}
}

/// What [`queue_work_item`](crate::InterruptObject::queue_work_item) has done, for the ISR or the driver that called it ([rule
/// W1](crate::guide::contract#w1)).
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
#[non_exhaustive]
pub enum Queued {
    /// The work item is queued now. It will run once for this queueing, and for those that merge into it.
    New,
    /// The work item was queued already and has not begun. One run will do for both queueings.
    Merged,
    /// The work item was not queued.
    Refused(Refusal),
}

/// Why [`queue_work_item`](crate::InterruptObject::queue_work_item) refused to queue the work item.
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
    /// A fault has taken the interrupt out of service.
    Faulted,
    /// The device has gone.
    Removed,
    /// The interrupt's handle has been dropped.
    Ended,
}

/// What a work item returns: whether it has more to do.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Work};
///
/// struct Receiver {
///     packets: Vec<Vec<u8>>,
/// }
///
/// let interrupt = Interrupt::builder(Receiver { packets: vec![vec![1], vec![2, 3]] })
///     .isr(|_| Claim::Claimed)
///     .work_item(|interrupt| match interrupt.synchronize(|receiver| receiver.packets.pop()) {
///         Some(_packet) => Work::Again, // one packet a run, to be fair to other work items
///         None => Work::Done,
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.queue_work_item();
/// while interrupt.run_work_item() {}
/// assert!(interrupt.acquire_interrupt_lock().packets.is_empty());
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// There is nothing left to do.
    #[default]
    Done,
    /// There is more to do, but this run has done enough: the work item is queued again ([rule
    /// W8](crate::guide::contract#w8)).
    Again,
}

/// What a work item may return: nothing, or [`Work`].
///
/// Drivers do not call or implement this trait.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// struct Log {
///     lines: Vec<String>,
/// }
///
/// let interrupt = Interrupt::builder(Log { lines: Vec::new() })
///     .isr(|_| Claim::Claimed)
///     .work_item(|interrupt| interrupt.synchronize(|log| log.lines.clear())) // returns `()`: done
///     .build()?;
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub trait WorkOutcome: sealed::SealedOutcome {
    /// Returns the work item's result in one form.
    #[doc(hidden)]
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
