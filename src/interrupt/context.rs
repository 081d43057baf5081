//! What the ISR is given.

use core::ops::{Deref, DerefMut};

use crate::Name;
use crate::interrupt::InterruptObject;
use crate::interrupt::work_item::Is;
use crate::interrupt::work_item::{Queued, WorkItemRegistered};

/// What an ISR is given: the interrupt data, by `Deref`, and what it may know and do.
///
/// It exists while the ISR runs, with the interrupt lock held, and can't be kept.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// let interrupt = Interrupt::builder(0u64)
///     .isr(|cx| {
///         **cx += cx.assertions();
///         Claim::Claimed
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.service();
/// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct IsrContext<'a, T, W> {
    pub(super) data: &'a mut T,
    pub(super) object: &'a InterruptObject<T, W>,
    pub(super) message: u32,
    pub(super) assertions: u64,
}

impl<T, W> IsrContext<'_, T, W> {
    /// The message number: which message of its device this is; 0 for a line.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(())
    ///     .isr(|cx| {
    ///         assert_eq!(cx.message_number(), 0);
    ///         Claim::Claimed
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "MessageID")]
    pub fn message_number(&self) -> u32 {
        self.message
    }

    /// How many assertions this run answers: more than 1 where the source coalesced some (rule I3).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(0)
    ///     .isr(|cx| {
    ///         **cx += cx.assertions();
    ///         Claim::Claimed
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn assertions(&self) -> u64 {
        self.assertions
    }

    /// The interrupt's name, as in errors.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(())
    ///     .isr(|cx| {
    ///         assert_eq!(cx.name().as_str(), "interrupt");
    ///         Claim::Claimed
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &Name {
        self.object.name()
    }

    /// Queues the work item: *QueueWorkItemForIsr*. Never waits. See [`InterruptObject::queue_work_item`].
    ///
    /// It exists only where a work item is registered (rule W6).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(())
    ///     .isr(|cx| {
    ///         cx.queue_work_item();
    ///         Claim::Claimed
    ///     })
    ///     .work_item(|_| ())
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "QueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueDpcForIsr")]
    pub fn queue_work_item<R>(&self) -> Queued
    where
        W: Is<R>,
        R: WorkItemRegistered,
    {
        self.object.queue()
    }
}

impl<T, W> Deref for IsrContext<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data
    }
}

impl<T, W> DerefMut for IsrContext<'_, T, W> {
    fn deref_mut(&mut self) -> &mut T {
        self.data
    }
}
