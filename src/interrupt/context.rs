//! The argument of the ISR.

use core::ops::{Deref, DerefMut};

use crate::answer::{Is, Queued, WorkItemRegistered};
use crate::interrupt::InterruptObject;
use crate::name::Name;

/// The argument of an ISR: it derefs to the interrupt data.
///
/// It tells the ISR what it runs for, and queues the work item. It exists while the ISR runs, with the interrupt lock
/// held. An ISR can't keep it.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt};
///
/// struct Encoder {
///     steps: u64,
/// }
///
/// let interrupt = Interrupt::builder(Encoder { steps: 0 })
///     .isr(|encoder| {
///         encoder.steps += encoder.assertions();
///         Claim::Claimed
///     })
///     .build()?;
/// interrupt.enable()?;
/// interrupt.service();
/// assert_eq!(interrupt.acquire_interrupt_lock().steps, 1);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct IsrContext<'a, T, W> {
    pub(super) data: &'a mut T,
    pub(super) object: &'a InterruptObject<T, W>,
    pub(super) message: u32,
    pub(super) assertions: u64,
}

impl<T, W> IsrContext<'_, T, W> {
    /// Returns the message number: which of its device's messages this interrupt has. 0 for a line.
    ///
    /// It stands for the argument *MessageID* of the ISR.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(())
    ///     .isr(|cx| match cx.message_number() {
    ///         0 => Claim::Claimed, // this driver uses the first message only
    ///         _ => Claim::Unclaimed,
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "MessageID")]
    pub fn message_number(&self) -> u32 {
        self.message
    }

    /// Returns how many assertions this run is for: more than 1 if some were coalesced ([rule
    /// I3](crate::guide::contract#i3)).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # struct Encoder { steps: u64 }
    /// # let interrupt = Interrupt::builder(Encoder { steps: 0 })
    ///     .isr(|encoder| {
    ///         encoder.steps += encoder.assertions();
    ///         Claim::Claimed
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn assertions(&self) -> u64 {
        self.assertions
    }

    /// Returns the interrupt's name, which errors and events show too.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// # let interrupt = Interrupt::builder(())
    ///     .isr(|cx| {
    ///         panic!("{}: the device reports a parity error", cx.name()); // a fault
    ///     })
    /// #   .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &Name {
        self.object.name()
    }

    /// Queues the work item. Never waits. See [`InterruptObject::queue_work_item`].
    ///
    /// The function exists only if a work item is registered ([rule W6](crate::guide::contract#w6)). It stands for
    /// *QueueWorkItemForIsr*.
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
