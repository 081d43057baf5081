//! The options that register callbacks beside the ISR: enable, disable, removal and unmask callback, work item.

use alloc::boxed::Box;

use crate::answer::{WithWorkItem, Work, WorkOutcome};
use crate::builder::{Builder, Given, Missing};
use crate::interrupt::{OnChange, OnUnmask, Outcome, WorkFn, WorkItemContext};

impl<T, W, I, S> Builder<T, W, I, S> {
    /// Registers the enable callback, in which the driver lets its device assert: stands for *OnInterruptEnable*.
    ///
    /// It runs at each enable, with the interrupt lock held, after the source has been connected. It returns nothing or
    /// a `Result`. If it fails, the source is disconnected again and the enable returns the error.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// #[derive(Default)]
    /// struct Device {
    ///     interrupts_on: bool,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Device::default())
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|device| device.interrupts_on = true) // a driver writes to a register here
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert!(interrupt.acquire_interrupt_lock().interrupts_on);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptEnable")]
    #[doc(alias = "EvtInterruptEnable")]
    #[doc(alias = "WUDF_INTERRUPT_ENABLE")]
    #[doc(alias = "EVT_WDF_INTERRUPT_ENABLE")]
    pub fn on_enable<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.options.registered.enable = boxed(callback);
        self
    }

    /// Registers the disable callback, in which the driver stops its device from asserting: stands for
    /// *OnInterruptDisable*.
    ///
    /// It runs at each disable, with the interrupt lock held, before the source is disconnected. It returns nothing or
    /// a `Result`. If it fails, the interrupt is disabled all the same and the disable returns the error.
    ///
    /// No ISR begins after the callback has begun ([rule E2](crate::guide::contract#e2)). So it may stop a clock or
    /// unmap registers that the ISR uses.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// #[derive(Default)]
    /// struct Device {
    ///     interrupts_on: bool,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Device { interrupts_on: true })
    ///     .isr(|_| Claim::Claimed)
    ///     .on_disable(|device| device.interrupts_on = false) // a driver writes to a register here
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.disable()?;
    /// assert!(!interrupt.acquire_interrupt_lock().interrupts_on);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptDisable")]
    #[doc(alias = "EvtInterruptDisable")]
    #[doc(alias = "WUDF_INTERRUPT_DISABLE")]
    #[doc(alias = "EVT_WDF_INTERRUPT_DISABLE")]
    pub fn on_disable<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.options.registered.disable = boxed(callback);
        self
    }

    /// Registers the removal callback, in which the driver gives up what a vanished device has left undone ([rule
    /// I13](crate::guide::contract#i13)): stands for *OnSurpriseRemoval*.
    ///
    /// If the device goes away without warning, it runs instead of the disable callback, with the interrupt lock held.
    /// It must not touch registers: the device is no longer there. The crate ignores what it returns.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// struct Requests {
    ///     under_way: Vec<u32>,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Requests { under_way: vec![7] })
    ///     .isr(|_| Claim::DeviceGone) // its registers read as all ones
    ///     .on_removal(|requests| requests.under_way.clear())
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert!(interrupt.acquire_interrupt_lock().under_way.is_empty());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "EvtDeviceSurpriseRemoval")]
    #[doc(alias = "OnSurpriseRemoval")]
    pub fn on_removal<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.options.registered.removal = boxed(callback);
        self
    }
}

impl<T, I> Builder<T, WithWorkItem, I, Missing> {
    /// Registers the work item, for what the ISR leaves to do without the interrupt lock: stands for
    /// *OnInterruptWorkItem*.
    ///
    /// The ISR queues it, and it runs later, without the interrupt lock. With a dispatcher it runs on the worker, a
    /// thread that waits on no source. Queueings merge until a run begins, so each run must do all the work that it
    /// finds. The closure returns nothing, or [`Work`].
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// #[derive(Default)]
    /// struct Received {
    ///     frames: Vec<u32>,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Received::default())
    ///     .isr(|received| {
    ///         received.frames.push(7); // a driver reads it from the device
    ///         received.queue_work_item();
    ///         Claim::Claimed
    ///     })
    ///     .work_item(|interrupt| {
    ///         while let Some(frame) = interrupt.synchronize(|received| received.frames.pop()) {
    ///             assert_eq!(frame, 7);
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptWorkItem")]
    #[doc(alias = "EvtInterruptWorkItem")]
    #[doc(alias = "EvtInterruptDpc")]
    #[doc(alias = "WUDF_INTERRUPT_WORKITEM")]
    #[doc(alias = "EVT_WDF_INTERRUPT_DPC")]
    #[doc(alias = "EVT_WDF_INTERRUPT_WORKITEM")]
    pub fn work_item<F, R>(mut self, mut work: F) -> Builder<T, WithWorkItem, I, Given>
    where
        F: FnMut(&WorkItemContext<'_, T>) -> R + Send + 'static,
        R: WorkOutcome,
    {
        self.options.work = Some(WorkFn::Boxed(Box::new(move |context| work(context).into_work())));
        self.given()
    }
}

impl<T, I, S> Builder<T, WithWorkItem, I, S> {
    /// Registers the unmask callback, for a device that does not interrupt while there is work ([rule
    /// I6](crate::guide::contract#i6)). The callback lets the device assert again, and looks at it once more.
    ///
    /// The cycle, for lines and messages alike:
    ///
    /// 1. The ISR turns the device's interrupts off, queues the work item, and returns
    ///    [`Claim::ClaimedKeepMasked`](crate::Claim::ClaimedKeepMasked).
    /// 2. The work item takes what has completed, a budget of it in each run, and returns [`Work::Again`] until it finds
    ///    nothing. Other work items of the worker have their turn between two runs.
    /// 3. After [`Work::Done`] the unmask callback runs, with the interrupt lock held. It turns the interrupts on, **then
    ///    looks at the device**, and returns what it has found: nothing ([`Work::Done`]), or something, for which it
    ///    turns the interrupts off again ([`Work::Again`]: the work item runs again, and then this callback).
    ///
    /// What completes between the work item's last look and step 3 interrupts nobody: the look in the callback finds it.
    /// (If the device latches its causes, clear them before the interrupts are on. Otherwise each cycle ends with an
    /// interrupt for what has been done.)
    ///
    /// The callback runs on the thread whose run or section has ended. It does not run if the interrupt has been
    /// disabled, faulted or removed meanwhile: the enable callback turns the interrupts on again then. While the
    /// interrupt is inactive or asleep, the callback waits; the work item runs once more before it. A panic in it is a
    /// fault.
    ///
    /// It stands for the end of a poll cycle, `napi_complete_done` in Linux. WDF has no name for it.
    ///
    /// ```
    /// use std::collections::VecDeque;
    /// use interrupt_lock::{Claim, Interrupt, Work, source::Software};
    ///
    /// const BUDGET: usize = 64;
    ///
    /// struct Receiver {
    ///     interrupts_on: bool,    // a register, in a real driver
    ///     ring: VecDeque<[u8; 4]>, // what the device has completed
    /// }
    ///
    /// let (source, message) = Software::edge();
    /// let interrupt = Interrupt::builder(Receiver { interrupts_on: true, ring: VecDeque::new() })
    ///     .isr(|receiver| {
    ///         receiver.interrupts_on = false;
    ///         receiver.queue_work_item();
    ///         Claim::ClaimedKeepMasked
    ///     })
    ///     .work_item(|interrupt| {
    ///         for _ in 0..BUDGET {
    ///             let frame = interrupt.synchronize(|receiver| receiver.ring.pop_front());
    ///             let Some(_frame) = frame else { return Work::Done };
    ///         }
    ///         Work::Again
    ///     })
    ///     .on_unmask(|receiver| {
    ///         receiver.interrupts_on = receiver.ring.is_empty();
    ///         if receiver.interrupts_on { Work::Done } else { Work::Again }
    ///     })
    ///     .source(source)
    ///     .build()?;
    /// interrupt.enable()?;
    ///
    /// interrupt.acquire_interrupt_lock().ring.extend([[7; 4]; 1000]); // the device completes a thousand …
    /// message.assert(); // … and interrupts once
    /// # while !interrupt.synchronize(|receiver| receiver.ring.is_empty() && receiver.interrupts_on) {
    /// #     std::thread::yield_now();
    /// # }
    /// interrupt.disable()?;
    /// assert_eq!(interrupt.stats().delivered, 1);
    /// assert!(interrupt.acquire_interrupt_lock().ring.is_empty());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn on_unmask<F>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> Work + Send + 'static,
    {
        self.options.unmask = Some(OnUnmask::Boxed(Box::new(callback)));
        self
    }
}

fn boxed<T, F, R>(mut callback: F) -> OnChange<T>
where
    F: FnMut(&mut T) -> R + Send + 'static,
    R: Outcome,
{
    OnChange::Boxed(Box::new(move |data| callback(data).into_result()))
}
