//! The hooks of a `static` interrupt: how it is wired to the machine (rule B5).
//!
//! With an operating system a worker runs the work item, and a source masks a level line as it signals. On bare metal
//! both are the firmware's, so the object tells the firmware.
//!
//! # Why no line stays masked
//!
//! A call of `service` that leaves its assertion to the owner masks the line, notes that, and then counts the assertion
//! as pending. The owner takes the count first, runs the ISR, and then takes the note. So the owner that serves an
//! assertion finds the note of its mask. If the two meet, the line is unmasked too early: it asserts again, which masks it again.

use core::mem::ManuallyDrop;

use crate::interrupt::attached::Served;
use crate::interrupt::state::LINE_MASKED;
use crate::interrupt::{InterruptObject, Unmasks, WithWorkItem};
use crate::sync::const_outside_models;

/// How the machine masks and unmasks an interrupt line.
pub(super) struct Line {
    mask: fn(),
    unmask: fn(),
}

impl<T, W> InterruptObject<T, W> {
    const_outside_models! {
        /// Sets what masks and what unmasks the interrupt line, such as a bit of the interrupt controller ([rule
        /// B5](crate::guide::contract#b5)). It is for a level line of a `static` interrupt.
        ///
        /// A level asserts until the ISR has dealt with the device. If [`service`](Self::service) can't run the ISR at
        /// once, the vector would come again and again. So the object masks the line:
        ///
        /// - if `service` returns [`Pending`](crate::Delivery::Pending), [`Withheld`](crate::Delivery::Withheld) or
        ///   [`NotServed`](crate::Delivery::NotServed). It unmasks the line when the ISR has run, or, after `NotServed`,
        ///   at the next enable;
        /// - if the ISR returns [`ClaimedKeepMasked`](crate::Claim::ClaimedKeepMasked), until the work item has run
        ///   ([rule I6](crate::guide::contract#i6)).
        ///
        /// Both functions may run in the vector and with the lock held, and must not use the interrupt.
        ///
        /// ```
        /// use interrupt_lock::{Claim, Delivery, InterruptObject, Name, NoWorkItem};
        /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        ///
        /// struct Uart {
        ///     received: u32,
        /// }
        ///
        /// static LINE_IS_ON: AtomicBool = AtomicBool::new(true); // a bit of the interrupt controller, in a real driver
        ///
        /// static UART: InterruptObject<Uart, NoWorkItem> =
        ///     InterruptObject::new(Name::new("uart0"), Uart { received: 0 }, |uart| {
        ///         uart.received += 1;
        ///         Claim::Claimed
        ///     })
        ///     .line(|| LINE_IS_ON.store(false, Relaxed), || LINE_IS_ON.store(true, Relaxed));
        ///
        /// UART.enable()?;
        /// let uart = UART.acquire_interrupt_lock();
        /// assert_eq!(UART.service(), Delivery::Pending); // the vector comes, and leaves its delivery to the owner
        /// assert!(!LINE_IS_ON.load(Relaxed));
        /// drop(uart); // runs the ISR
        /// assert!(LINE_IS_ON.load(Relaxed));
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        pub fn line(mut self, mask: fn(), unmask: fn()) -> Self {
            self.line = Some(Line { mask, unmask });
            let registered = self.registered.get_mut();
            if matches!(registered.unmasks, Unmasks::Nothing) {
                registered.unmasks = Unmasks::Source;
            }
            self
        }
    }

    /// Masks the line, until the ISR has run or the interrupt has been enabled.
    #[cold]
    pub(super) fn mask_own_line(&self) {
        if let Some(line) = &self.line {
            // In this order: what takes the note unmasks, and has to come after the mask.
            (line.mask)();
            self.state.set(LINE_MASKED);
        }
    }

    /// Unmasks the line, if it has been masked and no run of the work item has yet to unmask it. The caller holds the lock.
    pub(super) fn unmask_own_line(&self) {
        if let Some(line) = &self.line
            && !self.work.keeps_masked()
            && self.state.take(LINE_MASKED)
        {
            (line.unmask)();
        }
    }
}

impl<T> InterruptObject<T, WithWorkItem> {
    const_outside_models! {
        /// Sets a function that is told each time the work item is queued anew, for a `static` interrupt ([rule
        /// B5](crate::guide::contract#b5)): it makes the code run that calls
        /// [`run_work_item`](Self::run_work_item).
        ///
        /// It pends a software interrupt (PendSV), sets an event, or wakes a task. It is called where the work
        /// item is queued: by the vector, a release that runs the ISR after the vector has returned, a run that returns
        /// [`Work::Again`](crate::Work::Again). The lock may be held, so it must not wait, and must not run the work item
        /// itself. Queueings that merge are not told again.
        ///
        /// ```
        /// use interrupt_lock::{Claim, InterruptObject, Name, WithWorkItem, Work};
        /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        ///
        /// static PENDSV_IS_PENDING: AtomicBool = AtomicBool::new(false); // a bit of ICSR, in a real driver
        ///
        /// static UART: InterruptObject<(), WithWorkItem> = InterruptObject::with_work_item(
        ///     Name::new("uart0"),
        ///     (),
        ///     |uart| {
        ///         uart.queue_work_item();
        ///         Claim::Claimed
        ///     },
        ///     |_| Work::Done,
        /// )
        /// .on_queued(|| PENDSV_IS_PENDING.store(true, Relaxed));
        ///
        /// UART.enable()?;
        /// UART.service(); // the vector calls this
        /// assert!(PENDSV_IS_PENDING.load(Relaxed)); // so PendSV calls `UART.run_work_item()`
        /// # Ok::<(), interrupt_lock::Error>(())
        /// ```
        #[must_use]
        pub fn on_queued(mut self, queued: fn()) -> Self {
            // A `const fn` can't drop what was there: nothing of an allocator's.
            let _ = ManuallyDrop::new(core::mem::replace(&mut self.served, Served::Driver(Some(queued))));
            self
        }
    }
}
