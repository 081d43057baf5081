//! The callbacks of a driver, as a type, and the argument of its ISR.

use core::ops::{Deref, DerefMut};

use crate::answer::{Is, NoWorkItem, Queued, WithWorkItem, Work, WorkItemRegistered};
use crate::claim::Claim;
use crate::single_core::{InterruptObject, Machine};

/// A driver: the data that its ISR shares with the rest of its code, and the callbacks.
///
/// The callbacks are methods of a type, so they take no memory. Only the ISR is required.
///
/// ```
/// use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
/// use interrupt_lock::{Claim, NoWorkItem};
/// # use interrupt_lock::single_core::Machine;
/// # struct Board;
/// # // SAFETY: one thread runs this example.
/// # unsafe impl Machine for Board {
/// #     type Found = ();
/// #     fn mask() {}
/// #     fn restore((): ()) {}
/// # }
///
/// struct Button;
///
/// impl Driver for Button {
///     type Data = u32;
///     type Machine = Board; // in firmware: cortex_m::Primask
///     type WorkItem = NoWorkItem;
///
///     fn isr(&self, presses: &mut IsrContext<'_, Self>) -> Claim {
///         **presses += 1;
///         Claim::Claimed
///     }
/// }
///
/// static BUTTON: InterruptObject<Button> = InterruptObject::new(0, Button);
///
/// // The vector:
/// fn exti0() {
///     BUTTON.service();
/// }
///
/// BUTTON.enable()?;
/// exti0();
/// assert_eq!(*BUTTON.acquire_interrupt_lock(), 1);
/// # Ok::<(), interrupt_lock::single_core::Error>(())
/// ```
pub trait Driver: Sized + Sync + 'static {
    /// What the ISR shares with the rest of the driver.
    type Data: Send;

    /// The machine, which says how interrupts are masked.
    type Machine: Machine;

    /// Whether there is a work item: [`WithWorkItem`], or [`NoWorkItem`].
    type WorkItem: Registered;

    /// The ISR. It runs with the interrupt lock held, and with the interrupts of the machine's mask off.
    ///
    /// It stands for *OnInterruptIsr* and *EvtInterruptIsr*.
    fn isr(&self, context: &mut IsrContext<'_, Self>) -> Claim;

    /// Prepares the device, with the lock held. No ISR has run before it, and if it fails, none runs after it.
    ///
    /// It stands for *OnInterruptEnable* and *EvtInterruptEnable*.
    ///
    /// # Errors
    ///
    /// A text, which [`InterruptObject::enable`] returns to its caller.
    fn on_enable(&self, data: &mut Self::Data) -> Result<(), &'static str> {
        let _ = data;
        Ok(())
    }

    /// Quiets the device, with the lock held. No ISR runs after it has begun, so it may stop the device's clock.
    ///
    /// It stands for *OnInterruptDisable* and *EvtInterruptDisable*.
    ///
    /// # Errors
    ///
    /// A text, which [`InterruptObject::disable`] returns to its caller. The interrupt is disabled all the same.
    fn on_disable(&self, data: &mut Self::Data) -> Result<(), &'static str> {
        let _ = data;
        Ok(())
    }

    /// Lets the device assert again, after the ISR has answered [`Claim::ClaimedKeepMasked`] and the work item has run.
    ///
    /// It looks at the device once more, because what came between the last look and this asserts nothing. If there is
    /// more to do, it returns [`Work::Again`]: the work item is queued, and the interrupt stays masked. The lock is held.
    fn on_unmask(&self, data: &mut Self::Data) -> Work {
        let _ = data;
        Work::Done
    }

    /// Masks the interrupt's own line, in the interrupt controller.
    ///
    /// Called by a delivery that can't be served at once (the lock is held, or the interrupt is disabled), after an ISR that
    /// keeps the line masked or finds the device gone, by a disable, and by an enable that fails. It must not use the
    /// interrupt.
    ///
    /// A level line needs it wherever a vector can come while the lock is held. Its device goes on asserting, so the vector
    /// would come again at once, and the code that holds the lock would never go on.
    fn mask_line(&self) {}

    /// Unmasks the interrupt's own line, in the interrupt controller.
    ///
    /// Called by an enable, before its callback, and when a line that was masked has been served. It must not use the
    /// interrupt.
    fn unmask_line(&self) {}

    /// The work item: what the ISR leaves to be done without the interrupt lock. It may acquire the lock. Returns
    /// [`Work::Again`] to be run again.
    ///
    /// It stands for *OnInterruptWorkItem*, *EvtInterruptWorkItem* and *EvtInterruptDpc*.
    ///
    /// ```
    /// use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
    /// use interrupt_lock::{Claim, WithWorkItem, Work};
    /// # use interrupt_lock::single_core::Machine;
    /// # struct Board;
    /// # // SAFETY: one thread runs this example.
    /// # unsafe impl Machine for Board {
    /// #     type Found = ();
    /// #     fn mask() {}
    /// #     fn restore((): ()) {}
    /// # }
    ///
    /// struct Thermometer;
    ///
    /// impl Driver for Thermometer {
    ///     type Data = Option<u16>;
    ///     type Machine = Board;
    ///     type WorkItem = WithWorkItem;
    ///
    ///     fn isr(&self, reading: &mut IsrContext<'_, Self>) -> Claim {
    ///         **reading = Some(21); // in firmware: the converter's register
    ///         reading.queue_work_item();
    ///         Claim::Claimed
    ///     }
    ///
    ///     fn work_item(&self, thermometer: &InterruptObject<Self>) -> Work {
    ///         let reading = thermometer.synchronize(|reading| reading.take());
    ///         assert_eq!(reading, Some(21)); // in firmware: draw it, without the lock
    ///         Work::Done
    ///     }
    /// }
    ///
    /// static THERMOMETER: InterruptObject<Thermometer> = InterruptObject::new(None, Thermometer);
    ///
    /// THERMOMETER.enable()?;
    /// THERMOMETER.service();
    /// while THERMOMETER.run_work_item() {}
    /// assert_eq!(*THERMOMETER.acquire_interrupt_lock(), None);
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
    fn work_item(&self, interrupt: &InterruptObject<Self>) -> Work {
        const { assert!(!Self::WorkItem::REGISTERED, "a driver `WithWorkItem` implements `work_item`") };
        let _ = interrupt;
        Work::Done
    }

    /// Called when the work item has become queued and can run: pends PendSV, or wakes a task.
    ///
    /// It is called for each [`Queued::New`], where the work item is queued: in the ISR, too, with the lock held and the
    /// interrupts off. If the work item runs at that time, it is called as that run ends. If a run is tried inside a
    /// section, it is called once more, as the section ends. It must not run the work item itself.
    fn on_queued(&self) {}

    /// What a panic calls the interrupt.
    fn name(&self) -> &'static str {
        "interrupt"
    }
}

/// The argument of an ISR: it derefs to the interrupt data.
///
/// It exists while the ISR runs, with the interrupt lock held. An ISR can't keep it. See [`Driver`] for an ISR.
pub struct IsrContext<'a, D: Driver> {
    pub(super) data: &'a mut D::Data,
    pub(super) object: &'a InterruptObject<D>,
}

impl<D: Driver> IsrContext<'_, D> {
    /// Queues the work item, for the ISR. Never waits. See [`Driver::work_item`] for an example.
    ///
    /// It stands for *QueueWorkItemForIsr* and *WdfInterruptQueueWorkItemForIsr*.
    #[doc(alias = "QueueWorkItemForIsr")]
    #[doc(alias = "WdfInterruptQueueWorkItemForIsr")]
    pub fn queue_work_item<R>(&self) -> Queued
    where
        D::WorkItem: Is<R>,
        R: WorkItemRegistered,
    {
        self.object.queue()
    }
}

impl<D: Driver> Deref for IsrContext<'_, D> {
    type Target = D::Data;

    #[inline(always)]
    fn deref(&self) -> &D::Data {
        self.data
    }
}

impl<D: Driver> DerefMut for IsrContext<'_, D> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut D::Data {
        self.data
    }
}

/// Whether a driver has a work item: [`WithWorkItem`] or [`NoWorkItem`]. Drivers do not implement it.
pub trait Registered: sealed::Sealed + 'static {
    #[doc(hidden)]
    const REGISTERED: bool;
}

impl Registered for WithWorkItem {
    const REGISTERED: bool = true;
}

impl Registered for NoWorkItem {
    const REGISTERED: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::WithWorkItem {}
    impl Sealed for super::NoWorkItem {}
}
