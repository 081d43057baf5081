//! The callbacks of a `static` interrupt: plain functions, which a `const fn` sets.

use crate::answer::{WithWorkItem, Work};
use crate::interrupt::InterruptObject;
use crate::interrupt::callbacks::{PlainCallback, Unmasks};
use crate::sync::const_outside_models;

/// Callbacks of a `static` interrupt.
impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        /// Sets the enable callback, which each enable runs with the lock held: it lets the device interrupt.
        ///
        /// If the callback fails, the enable is undone and returns the error. A second call replaces the callback. It
        /// stands for *OnInterruptEnable*.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        ///
        /// struct Uart {
        ///     interrupts_are_on: bool, // a register, in a real driver
        /// }
        ///
        /// static UART: InterruptObject<Uart, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), Uart { interrupts_are_on: false }, |_| Claim::Claimed)
        ///         .on_enable(|uart| {
        ///             uart.interrupts_are_on = true;
        ///             Ok(())
        ///         });
        ///
        /// UART.enable()?;
        /// assert!(UART.acquire_interrupt_lock().interrupts_are_on);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptEnable")]
        #[doc(alias = "EvtInterruptEnable")]
        pub fn on_enable(mut self, callback: PlainCallback<T>) -> Self {
            self.registered.get_mut().set_enable(callback);
            self
        }

        /// Sets the disable callback, which each disable runs with the lock held: it stops the device from
        /// interrupting.
        ///
        /// No ISR begins after the callback has begun ([rule E2](crate::guide::contract#e2)). If the callback fails, the
        /// interrupt is disabled all the same, and the disable returns the error. A second call replaces the callback.
        /// It stands for *OnInterruptDisable*.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, NoWorkItem};
        ///
        /// struct Uart {
        ///     interrupts_are_on: bool, // a register, in a real driver
        /// }
        ///
        /// static UART: InterruptObject<Uart, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), Uart { interrupts_are_on: true }, |_| Claim::Claimed)
        ///         .on_disable(|uart| {
        ///             uart.interrupts_are_on = false;
        ///             Ok(())
        ///         });
        ///
        /// UART.enable()?;
        /// UART.disable()?;
        /// assert!(!UART.acquire_interrupt_lock().interrupts_are_on);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        #[doc(alias = "OnInterruptDisable")]
        #[doc(alias = "EvtInterruptDisable")]
        pub fn on_disable(mut self, callback: PlainCallback<T>) -> Self {
            self.registered.get_mut().set_disable(callback);
            self
        }
    }
}

/// The unmask callback of a `static` interrupt.
impl<T> InterruptObject<T, WithWorkItem> {
    const_outside_models! {
        /// Sets the unmask callback, which lets the device assert again after the work item, and looks at it once more
        /// ([rule I6](crate::guide::contract#i6)).
        ///
        /// It runs with the lock held, after an ISR has returned
        /// [`Claim::ClaimedKeepMasked`](crate::Claim::ClaimedKeepMasked) and the work item has returned
        /// [`Work::Done`]. If it returns [`Work::Again`], the work item runs again. A second call replaces the callback.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};
        ///
        /// #[derive(Default)]
        /// struct Uart {
        ///     interrupts_are_on: bool, // a register, in a real driver
        ///     received: u32,           // the device's queue
        /// }
        ///
        /// static UART: InterruptObject<Uart, WithWorkItem> =
        ///     InterruptObject::with_work_item(Name::new("uart0"), Uart { interrupts_are_on: true, received: 3 }, isr, work)
        ///         .on_unmask(|uart| {
        ///             uart.interrupts_are_on = true;
        ///             if uart.received == 0 { Work::Done } else { Work::Again }
        ///         });
        ///
        /// fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
        ///     uart.interrupts_are_on = false;
        ///     uart.queue_work_item();
        ///     Claim::ClaimedKeepMasked
        /// }
        ///
        /// fn work(interrupt: &WorkItemContext<'_, Uart>) -> Work {
        ///     interrupt.synchronize(|uart| uart.received = 0);
        ///     Work::Done
        /// }
        ///
        /// UART.enable()?;
        /// UART.service(); // the vector calls this
        /// assert!(!UART.acquire_interrupt_lock().interrupts_are_on);
        /// while UART.run_work_item() {} // the main loop calls this
        /// assert!(UART.acquire_interrupt_lock().interrupts_are_on);
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        pub fn on_unmask(mut self, callback: fn(&mut T) -> Work) -> Self {
            self.unmask.get_mut().set(callback);
            self.registered.get_mut().unmasks = Unmasks::Device;
            self
        }
    }
}
