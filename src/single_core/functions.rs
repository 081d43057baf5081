//! The callbacks of a driver as plain functions, in flash.

use core::marker::PhantomData;

use crate::answer::{NoWorkItem, WithWorkItem, Work};
use crate::claim::Claim;
use crate::single_core::{Driver, InterruptObject, IsrContext, Machine, Registered};

/// A driver whose callbacks are plain functions: a reference to [`Functions`].
pub type Plain<T, M, W = NoWorkItem> = &'static Functions<T, M, W>;

type OnChange<T> = fn(&mut T) -> Result<(), &'static str>;

/// The callbacks of a driver as plain functions.
///
/// They lie in flash, and an object holds a reference to them, of four bytes. It is what comes closest to
/// [`crate::InterruptObject`], which has the same names. A [`Driver`] of one's own takes four bytes less, and calls directly.
///
/// ```
/// use interrupt_lock::Claim;
/// use interrupt_lock::single_core::{Functions, InterruptObject, IsrContext, Plain};
/// # use interrupt_lock::single_core::Machine;
/// # struct Board;
/// # // SAFETY: one thread runs this example.
/// # unsafe impl Machine for Board {
/// #     type Found = ();
/// #     fn mask() {}
/// #     fn restore((): ()) {}
/// # }
///
/// fn pressed(presses: &mut IsrContext<'_, Plain<u32, Board>>) -> Claim {
///     **presses += 1;
///     Claim::Claimed
/// }
///
/// static CALLBACKS: Functions<u32, Board> = Functions::new(pressed).on_enable(|presses| {
///     *presses = 0;
///     Ok(())
/// });
/// static BUTTON: InterruptObject<Plain<u32, Board>> = InterruptObject::new(0, &CALLBACKS);
///
/// BUTTON.enable()?;
/// BUTTON.service();
/// assert_eq!(*BUTTON.acquire_interrupt_lock(), 1);
/// # Ok::<(), interrupt_lock::single_core::Error>(())
/// ```
pub struct Functions<T: Send + 'static, M: Machine, W: Registered = NoWorkItem> {
    isr: fn(&mut IsrContext<'_, Plain<T, M, W>>) -> Claim,
    work_item: fn(&InterruptObject<Plain<T, M, W>>) -> Work,
    on_enable: OnChange<T>,
    on_disable: OnChange<T>,
    on_unmask: fn(&mut T) -> Work,
    mask_line: fn(),
    unmask_line: fn(),
    on_queued: fn(),
    name: &'static str,
    registered: PhantomData<fn() -> W>,
}

impl<T: Send + 'static, M: Machine> Functions<T, M> {
    /// Returns a driver with that ISR, and without a work item.
    #[must_use]
    pub const fn new(isr: fn(&mut IsrContext<'_, Plain<T, M>>) -> Claim) -> Self {
        Self::of(isr, |_| Work::Done)
    }
}

impl<T: Send + 'static, M: Machine> Functions<T, M, WithWorkItem> {
    /// Returns a driver with that ISR and that work item.
    ///
    /// ```
    /// use interrupt_lock::single_core::{Functions, InterruptObject, IsrContext, Plain};
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
    /// type Meter = Plain<u32, Board, WithWorkItem>;
    ///
    /// fn isr(pulses: &mut IsrContext<'_, Meter>) -> Claim {
    ///     **pulses += 1;
    ///     pulses.queue_work_item();
    ///     Claim::Claimed
    /// }
    ///
    /// fn display(meter: &InterruptObject<Meter>) -> Work {
    ///     let pulses = *meter.acquire_interrupt_lock();
    ///     assert_eq!(pulses, 1); // in firmware: draw them
    ///     Work::Done
    /// }
    ///
    /// static CALLBACKS: Functions<u32, Board, WithWorkItem> = Functions::with_work_item(isr, display);
    /// static METER: InterruptObject<Meter> = InterruptObject::new(0, &CALLBACKS);
    ///
    /// METER.enable()?;
    /// METER.service();
    /// while METER.run_work_item() {}
    /// # Ok::<(), interrupt_lock::single_core::Error>(())
    /// ```
    #[must_use]
    pub const fn with_work_item(
        isr: fn(&mut IsrContext<'_, Plain<T, M, WithWorkItem>>) -> Claim,
        work_item: fn(&InterruptObject<Plain<T, M, WithWorkItem>>) -> Work,
    ) -> Self {
        Self::of(isr, work_item)
    }

    /// Sets the unmask callback: see [`Driver::on_unmask`].
    #[must_use]
    pub const fn on_unmask(mut self, callback: fn(&mut T) -> Work) -> Self {
        self.on_unmask = callback;
        self
    }

    /// Sets what is called after each queueing that what runs the work item has to be told of: see
    /// [`Driver::on_queued`].
    #[must_use]
    pub const fn on_queued(mut self, tell: fn()) -> Self {
        self.on_queued = tell;
        self
    }
}

impl<T: Send + 'static, M: Machine, W: Registered> Functions<T, M, W> {
    const fn of(
        isr: fn(&mut IsrContext<'_, Plain<T, M, W>>) -> Claim,
        work_item: fn(&InterruptObject<Plain<T, M, W>>) -> Work,
    ) -> Self {
        Self {
            isr,
            work_item,
            on_enable: |_| Ok(()),
            on_disable: |_| Ok(()),
            on_unmask: |_| Work::Done,
            mask_line: || {},
            unmask_line: || {},
            on_queued: || {},
            name: "interrupt",
            registered: PhantomData,
        }
    }

    /// Sets the enable callback: see [`Driver::on_enable`].
    #[must_use]
    pub const fn on_enable(mut self, callback: fn(&mut T) -> Result<(), &'static str>) -> Self {
        self.on_enable = callback;
        self
    }

    /// Sets the disable callback: see [`Driver::on_disable`].
    #[must_use]
    pub const fn on_disable(mut self, callback: fn(&mut T) -> Result<(), &'static str>) -> Self {
        self.on_disable = callback;
        self
    }

    /// Sets what masks and what unmasks the interrupt's own line: see [`Driver::mask_line`].
    #[must_use]
    pub const fn line(mut self, mask: fn(), unmask: fn()) -> Self {
        self.mask_line = mask;
        self.unmask_line = unmask;
        self
    }

    /// Sets what a panic calls the interrupt.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

impl<T: Send + 'static, M: Machine, W: Registered> Driver for Plain<T, M, W> {
    type Data = T;
    type Machine = M;
    type WorkItem = W;

    fn isr(&self, context: &mut IsrContext<'_, Self>) -> Claim {
        (self.isr)(context)
    }

    fn on_enable(&self, data: &mut T) -> Result<(), &'static str> {
        (self.on_enable)(data)
    }

    fn on_disable(&self, data: &mut T) -> Result<(), &'static str> {
        (self.on_disable)(data)
    }

    fn on_unmask(&self, data: &mut T) -> Work {
        (self.on_unmask)(data)
    }

    fn mask_line(&self) {
        (self.mask_line)();
    }

    fn unmask_line(&self) {
        (self.unmask_line)();
    }

    fn work_item(&self, interrupt: &InterruptObject<Self>) -> Work {
        (self.work_item)(interrupt)
    }

    fn on_queued(&self) {
        (self.on_queued)();
    }

    fn name(&self) -> &'static str {
        self.name
    }
}
