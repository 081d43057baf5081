//! Building an interrupt, checked as it is built.

use core::marker::PhantomData;

use alloc::boxed::Box;
use alloc::sync::Arc;
#[cfg(all(feature = "std", not(loom)))]
use alloc::sync::Weak;

use crate::device::{Device, Member, Membership};
use crate::handle::Interrupt;
use crate::object::{
    Inside, InterruptObject, Isr, IsrContext, NoWorkItem, OnChange, WithWorkItem, WorkFn, WorkItemContext, WorkOutcome,
};
use crate::source::Source;
use crate::{Claim, Error, Name, Outcome, Trigger};

#[cfg(all(feature = "std", not(loom)))]
use {
    crate::dispatcher::Dispatcher,
    crate::overdue::Watched,
    crate::{Callback, Policy, Polling},
    core::{mem, time::Duration},
};

/// What is still to be given to a [`Builder`], and what has been.
///
/// ```
/// use interrupt_lock::{Builder, Claim, Interrupt, NoWorkItem, builder::{Given, Missing}};
///
/// let builder: Builder<(), NoWorkItem, Given, Missing> = Interrupt::builder(()).isr(|_| Claim::Claimed);
/// # builder.build().unwrap();
/// ```
#[derive(Debug)]
pub struct Missing(());

/// See [`Missing`].
///
/// ```
/// use interrupt_lock::{Builder, Claim, Interrupt, NoWorkItem, builder::{Given, Missing}};
///
/// let builder: Builder<(), NoWorkItem, Given, Missing> = Interrupt::builder(()).isr(|_| Claim::Claimed);
/// # builder.build().unwrap();
/// ```
#[derive(Debug)]
pub struct Given(());

/// Says that an ISR has been given.
///
/// ```
/// fn has_one<I: interrupt_lock::builder::IsrRegistered>() {}
/// has_one::<interrupt_lock::builder::Given>();
/// ```
#[diagnostic::on_unimplemented(
    message = "an interrupt needs an ISR",
    label = "no ISR is registered",
    note = "register one with `.isr(…)` before `.build()`"
)]
pub trait IsrRegistered: sealed::Sealed {}

impl IsrRegistered for Given {}

/// What having a work item makes of the interrupt's type.
///
/// ```
/// fn type_of<S: interrupt_lock::builder::WorkItemSlot<Kind = interrupt_lock::NoWorkItem>>() {}
/// type_of::<interrupt_lock::builder::Missing>();
/// ```
pub trait WorkItemSlot: sealed::Sealed {
    /// [`WithWorkItem`] or [`NoWorkItem`].
    type Kind;
}

impl WorkItemSlot for Missing {
    type Kind = NoWorkItem;
}

impl WorkItemSlot for Given {
    type Kind = WithWorkItem;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Missing {}
    impl Sealed for super::Given {}
}

/// Who serves the interrupt.
#[derive(Default)]
enum Attendance {
    /// A dispatcher of its own, if there is a source to wait on.
    #[default]
    Own,
    #[cfg(all(feature = "std", not(loom)))]
    Given(Dispatcher),
    /// The driver.
    Nobody,
}

/// Builds an [`Interrupt`]: `WUDF_INTERRUPT_CONFIG`, `WDF_INTERRUPT_CONFIG`. See [`Interrupt::builder`].
///
/// Everything is given here; an interrupt that has been built has no setters. `I` and `S` say whether the ISR and the
/// work item have been given; they need not be written down.
///
/// A callback that owns the driver's handle keeps it alive, and the handle keeps the callback: neither is ever freed.
/// Let the callback own an [`alloc::sync::Weak`] of what owns the handle:
///
/// ```
/// use std::sync::{Arc, Weak};
/// use interrupt_lock::{Claim, Interrupt, NoWorkItem};
///
/// struct Driver { interrupt: Interrupt<u32, NoWorkItem>, served: std::sync::atomic::AtomicU32 }
///
/// let driver = Arc::new_cyclic(|driver: &Weak<Driver>| {
///     let driver = driver.clone();
///     let interrupt = Interrupt::builder(0)
///         .isr(move |_| {
///             if let Some(driver) = driver.upgrade() {
///                 driver.served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///             }
///             Claim::Claimed
///         })
///         .build()
///         .unwrap();
///     Driver { interrupt, served: 0.into() }
/// });
/// driver.interrupt.enable()?;
/// driver.interrupt.service();
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[must_use = "nothing is built before `.build()`"]
#[doc(alias = "WUDF_INTERRUPT_CONFIG")]
#[doc(alias = "WDF_INTERRUPT_CONFIG")]
pub struct Builder<T, W, I, S> {
    name: Option<Name>,
    data: T,
    inside: Inside<T, W>,
    work: Option<WorkFn<T, W>>,
    shared: bool,
    attendance: Attendance,
    device: Option<Device>,
    serialized: bool,
    wake_capable: bool,
    #[cfg(all(feature = "std", not(loom)))]
    polling: Polling,
    #[cfg(all(feature = "std", not(loom)))]
    policy: Policy,
    #[cfg(feature = "std")]
    timed: bool,
    #[cfg(all(feature = "std", not(loom)))]
    overdue_after: Option<Duration>,
    #[cfg(all(feature = "std", not(loom)))]
    silence: Option<Duration>,
    _given: PhantomData<(I, S)>,
}

impl<T, W> Interrupt<T, W> {
    /// Begins to build an interrupt around `data`, which will live inside the interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(Vec::<u32>::new()).isr(|_| Claim::Claimed).build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CreateInterrupt")]
    #[doc(alias = "WdfInterruptCreate")]
    pub fn builder(data: T) -> Builder<T, W, Missing, Missing> {
        Builder {
            name: None,
            data,
            inside: Inside::new(Isr::NONE),
            work: None,
            shared: false,
            attendance: Attendance::default(),
            device: None,
            serialized: false,
            wake_capable: false,
            #[cfg(all(feature = "std", not(loom)))]
            polling: Polling::default(),
            #[cfg(all(feature = "std", not(loom)))]
            policy: Policy::default(),
            #[cfg(feature = "std")]
            timed: false,
            #[cfg(all(feature = "std", not(loom)))]
            overdue_after: None,
            #[cfg(all(feature = "std", not(loom)))]
            silence: None,
            _given: PhantomData,
        }
    }
}

impl<T, W, I, S> Builder<T, W, I, S> {
    /// What the interrupt is called in errors. Otherwise what its source is called.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.name().as_str(), "edu0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The interrupt service routine: *OnInterruptIsr*.
    ///
    /// It runs with the interrupt lock held, for each assertion (or several, if the source coalesces), never twice at
    /// once; its context derefs to the data. It owns what it needs: register handles, counters. What it must not do is
    /// wait for somebody who needs the lock. A panic in it is a fault that quarantines the interrupt (without
    /// unwinding it ends the program).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(0u32)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    pub fn isr<F>(mut self, isr: F) -> Builder<T, W, Given, S>
    where
        F: FnMut(&mut IsrContext<'_, T, W>) -> Claim + Send + 'static,
    {
        self.inside.isr = Isr::Boxed(Box::new(isr));
        self.given()
    }

    /// Runs at each enable, with the lock held, after the source has been connected: *OnInterruptEnable*. Here the
    /// driver lets its device assert. If it fails, the enable is undone.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|enables| *enables += 1)
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptEnable")]
    #[doc(alias = "EvtInterruptEnable")]
    pub fn on_enable<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.inside.enable = boxed(callback);
        self
    }

    /// Runs at each disable, with the lock held, before the source is disconnected: *OnInterruptDisable*. Here the
    /// driver stops its device from asserting.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|_| Claim::Claimed)
    ///     .on_disable(|disables| *disables += 1)
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.disable()?;
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptDisable")]
    #[doc(alias = "EvtInterruptDisable")]
    pub fn on_disable<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.inside.disable = boxed(callback);
        self
    }

    /// Runs instead of the disable callback, with the lock held, when the device has gone without warning: there is
    /// nothing to be written to any more. What it returns is not looked at.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(false)
    ///     .isr(|_| Claim::DeviceGone)
    ///     .on_removal(|gone| *gone = true)
    ///     .build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert!(*interrupt.acquire_interrupt_lock());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "EvtDeviceSurpriseRemoval")]
    #[doc(alias = "OnSurpriseRemoval")]
    pub fn on_removal<F, R>(mut self, callback: F) -> Self
    where
        F: FnMut(&mut T) -> R + Send + 'static,
        R: Outcome,
    {
        self.inside.removal = boxed(callback);
        self
    }

    /// What asserts the interrupt. It is connected at each enable and dropped after the callbacks.
    ///
    /// Without one, each call of [`service`](InterruptObject::service) is an assertion.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// let (source, assert) = Software::edge();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .source(source)
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert.assert(); // the ISR runs on the dispatcher's thread
    /// interrupt.disable()?; // and has run when this returns
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.inside.source = Some(Box::new(source));
        self
    }

    /// Says that other devices may assert the same line (rule I8): *ShareVector*. Only a level line can be shared.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, Interrupt, source::Software};
    ///
    /// let (edge, _) = Software::edge();
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).source(edge).shared().build();
    /// assert!(matches!(refused, Err(Error::NotShareable { .. })));
    /// ```
    #[doc(alias = "ShareVector")]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The device that the interrupt belongs to, after those that were built into it before (rule E5).
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.device(), Some(&device));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn device(mut self, device: &Device) -> Self {
        self.device = Some(device.clone());
        self
    }

    /// Lets the interrupt wake its device (rule E9): *CanWakeDevice*. Once it has been enabled it stays connected when
    /// the device leaves D0, without its disable callback; its assertion then has the device enter D0: the D0-entry
    /// callback first, then its ISR, then the other interrupts. If that callback fails, the ISR does not run; the assertion
    /// is kept, and [`Device::wake_error`] says why.
    ///
    /// The dispatcher's worker does this; without a dispatcher the caller of [`service`](InterruptObject::service) does,
    /// after the section. A [`disable`](InterruptObject::disable) in low power disconnects it as ever, with its disable
    /// callback.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt, State};
    ///
    /// let device = Device::builder("button").build();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .device(&device)
    ///     .wake_capable()
    ///     .build()?;
    /// device.enter_d0()?;
    /// device.exit_d0()?;
    /// assert_eq!(interrupt.state(), State::Asleep);
    ///
    /// interrupt.service();
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CanWakeDevice")]
    pub fn wake_capable(mut self) -> Self {
        self.wake_capable = true;
        self
    }

    /// Has a dispatcher that serves others too serve this interrupt, instead of one of its own.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Dispatcher, Interrupt, source::Software};
    ///
    /// let dispatcher = Dispatcher::new()?;
    /// for _ in 0..3 {
    ///     let (source, _) = Software::edge();
    ///     let interrupt = Interrupt::builder(())
    ///         .isr(|_| Claim::Claimed)
    ///         .source(source)
    ///         .dispatcher(&dispatcher)
    ///         .build()?;
    ///     interrupt.enable()?;
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(all(feature = "std", not(loom)))]
    pub fn dispatcher(mut self, dispatcher: &Dispatcher) -> Self {
        self.attendance = Attendance::Given(dispatcher.clone());
        self
    }

    /// No thread of ours: the driver waits by itself and calls [`service`](InterruptObject::service) and
    /// [`run_work_item`](InterruptObject::run_work_item).
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// let (source, assert) = Software::edge();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::Claimed })
    ///     .source(source)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert.assert();
    /// interrupt.service();
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn without_dispatcher(mut self) -> Self {
        self.attendance = Attendance::Nobody;
        self
    }

    /// Has the dispatcher poll for a while after each interrupt, instead of sleeping at once. See [`Polling`].
    ///
    /// It is a dispatcher's way to wait: where there is none, or no source to be waited for, there is nobody who could
    /// follow a policy, and [`build`](Self::build) refuses it. (A driver's own loop polls by calling
    /// [`service`](InterruptObject::service) more often.)
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Error, Interrupt, Polling, source::Software};
    ///
    /// let (source, _) = Software::edge();
    /// let policy = Polling::Fixed(Duration::from_micros(50));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).polling(policy).build()?;
    ///
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).polling(policy).build();
    /// assert!(matches!(refused, Err(Error::NothingToPoll { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(all(feature = "std", not(loom)))]
    pub fn polling(mut self, policy: Polling) -> Self {
        self.polling = policy;
        self
    }

    /// Where and how urgently the interrupt is to be served (rule P1). See [`Policy`].
    ///
    /// Each enable asks the system for it. What the system refuses is no error of the enable: it is in the
    /// [answer](InterruptObject::policy_answer).
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Claim, Error, Interrupt, Policy, ProcessorSet, source::Software};
    ///
    /// let (source, _) = Software::edge();
    /// let policy = Policy::new().affinity(Affinity::Specified(ProcessorSet::new(0b1)));
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).policy(policy).build()?;
    /// assert_eq!(interrupt.policy(), policy);
    ///
    /// let nowhere = Policy::new().affinity(Affinity::Specified(ProcessorSet::new(0b1).in_group(9)));
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(nowhere).build();
    /// assert!(matches!(refused, Err(Error::NoSuchProcessors { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(all(feature = "std", not(loom)))]
    #[doc(alias = "SetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetExtendedPolicy")]
    #[doc(alias = "WdfInterruptSetPolicy")]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Has the interrupt measure how long its ISR runs, how long deliveries wait for the lock and, where the source tells
    /// it, how long an assertion takes to reach the ISR (rule S2). The [`Stats`](crate::Stats) then hold the
    /// [distributions](crate::Distributions).
    ///
    /// It costs each delivery two or three looks at the clock. What isn't timed pays nothing.
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).timed().build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// assert_eq!(interrupt.stats().distributions.unwrap().isr.count(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn timed(mut self) -> Self {
        self.timed = true;
        self
    }

    /// Has the dispatcher run the ISR as if the line were asserted whenever it has not signalled for `period`, and again
    /// after each such period (rule I14): for a device whose interrupts get lost.
    ///
    /// A run that claims then has recovered an edge, and is counted as [`recovered`](crate::Stats::recovered); one that
    /// does not is [benign](crate::Stats::benign). If the signal comes after all, its own run finds nothing. A line that
    /// is kept masked is left alone. There has to be a dispatcher, and a source for it to wait on.
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Interrupt, Registers, simulated::{Edu, Step}};
    ///
    /// let device = Edu::new();
    /// let registers = device.registers();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| match registers.read32(0x24) {
    ///         0 => Claim::Unclaimed,
    ///         raised => { registers.write32(0x64, raised); Claim::Claimed }
    ///     })
    ///     .source(device.message()?)
    ///     .poll_when_silent(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// device.perform(Step::Silent(true));
    /// device.perform(Step::Raise(1)); // no message is sent
    /// while interrupt.stats().recovered == 0 {}
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(all(feature = "std", not(loom)))]
    pub fn poll_when_silent(mut self, period: Duration) -> Self {
        self.silence = Some(period);
        self
    }

    /// Has a callback that does not return within `limit` (the ISR, the work item, any other) reported while it still
    /// runs (rule I17): as [`Fault::Overdue`](crate::Fault::Overdue), by [`fault`](InterruptObject::fault), and counted.
    ///
    /// It is only reported. The callback goes on, and the interrupt is served again as soon as it returns: what holds
    /// the interrupt lock can't be put into quarantine. One thread looks after all interrupts that ask for this; each
    /// of their callbacks pays two looks at a mutex of its own and one at the clock. It is no finer than a millisecond.
    ///
    /// ```
    /// use core::time::Duration;
    /// use interrupt_lock::{Claim, Fault, Interrupt};
    ///
    /// let (go, wait) = std::sync::mpsc::channel::<()>();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(move |_| { let _ = wait.recv(); Claim::Claimed })
    ///     .overdue_after(Duration::from_millis(2))
    ///     .build()?;
    /// interrupt.enable()?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| interrupt.service());
    ///     while interrupt.fault().is_none() {} // never waits for the ISR
    ///     drop(go);
    /// });
    /// assert!(matches!(interrupt.clear_fault()?, Some(Fault::Overdue { .. })));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(all(feature = "std", not(loom)))]
    pub fn overdue_after(mut self, limit: Duration) -> Self {
        self.overdue_after = Some(limit);
        self
    }

    fn given<I2, S2>(self) -> Builder<T, W, I2, S2> {
        Builder {
            name: self.name,
            data: self.data,
            inside: self.inside,
            work: self.work,
            shared: self.shared,
            attendance: self.attendance,
            device: self.device,
            serialized: self.serialized,
            wake_capable: self.wake_capable,
            #[cfg(all(feature = "std", not(loom)))]
            polling: self.polling,
            #[cfg(all(feature = "std", not(loom)))]
            policy: self.policy,
            #[cfg(feature = "std")]
            timed: self.timed,
            #[cfg(all(feature = "std", not(loom)))]
            overdue_after: self.overdue_after,
            #[cfg(all(feature = "std", not(loom)))]
            silence: self.silence,
            _given: PhantomData,
        }
    }
}

impl<T, I> Builder<T, WithWorkItem, I, Missing> {
    /// The work item, which the ISR queues and which runs later, without the interrupt lock: *OnInterruptWorkItem*.
    ///
    /// With a dispatcher it runs on a worker thread that waits on no source. Queueings merge until it begins, so it
    /// looks for all there is to do. It returns nothing, or [`Work`](crate::Work).
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(Vec::<u32>::new())
    ///     .isr(|cx| {
    ///         cx.push(7);
    ///         cx.queue_work_item();
    ///         Claim::Claimed
    ///     })
    ///     .work_item(|interrupt| {
    ///         while let Some(n) = interrupt.synchronize(|data| data.pop()) {
    ///             assert_eq!(n, 7);
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptWorkItem")]
    #[doc(alias = "EvtInterruptWorkItem")]
    #[doc(alias = "EvtInterruptDpc")]
    pub fn work_item<F, R>(mut self, mut work: F) -> Builder<T, WithWorkItem, I, Given>
    where
        F: FnMut(&WorkItemContext<'_, T>) -> R + Send + 'static,
        R: WorkOutcome,
    {
        self.work = Some(WorkFn::Boxed(Box::new(move |context| work(context).into_work())));
        self.given()
    }
}

impl<T, I, S> Builder<T, WithWorkItem, I, S> {
    /// Has the work item run under the callback lock of the interrupt's device (rule W5): *AutomaticSerialization*. So it
    /// never overlaps the device's callbacks, [`Device::synchronize`], nor the work items of the device's other interrupts
    /// that ask for this. The ISR and the enable and disable callbacks don't run under it.
    ///
    /// Enabling and disabling, which may have to flush the work item, are refused then while the calling thread holds the
    /// callback lock (rule E4): in the device's callbacks too. An interrupt that is dropped there ends as soon as the
    /// lock is released.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Error, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .work_item(|_| ())
    ///     .device(&device)
    ///     .automatic_serialization()
    ///     .build()?;
    /// let refused = device.synchronize(|| interrupt.disable());
    /// assert!(matches!(refused, Err(Error::WouldDeadlock { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "AutomaticSerialization")]
    pub fn automatic_serialization(mut self) -> Self {
        self.serialized = true;
        self
    }
}

impl<T, W, I, S> Builder<T, W, I, S>
where
    T: Send + 'static,
    W: Send + 'static,
    S: WorkItemSlot<Kind = W>,
{
    /// Checks what was given and makes the interrupt, disabled: *CreateInterrupt*. With a source it gets a dispatcher
    /// of its own, unless another was given or refused.
    ///
    /// # Errors
    ///
    /// - [`Error::NotShareable`]: `shared` on what is known not to be a level line.
    /// - [`Error::NoDevice`]: automatic serialization, or wake capability, without a device.
    /// - [`Error::NothingToPoll`]: a polling policy without a source, or without a dispatcher.
    /// - [`Error::NoProcessors`], [`Error::NoSuchProcessors`]: a policy with a processor set that is empty, or names
    ///   processors which the machine does not have.
    /// - [`Error::NoTime`]: a time of zero.
    /// - [`Error::Dispatcher`]: its threads could not be started.
    ///
    /// # Examples
    ///
    /// ```
    /// # use interrupt_lock::{Claim, Interrupt};
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CreateInterrupt")]
    #[doc(alias = "WdfInterruptCreate")]
    pub fn build(self) -> Result<Interrupt<T, W>, Error>
    where
        I: IsrRegistered,
    {
        let info = self.inside.source.as_ref().map(|source| source.info());
        let name = self
            .name
            .or_else(|| self.inside.source.as_ref().map(|source| source.name()))
            .unwrap_or(Name::new("interrupt"));
        let trigger = info.as_ref().and_then(|info| info.trigger);
        if self.shared && trigger.is_some_and(|trigger| trigger != Trigger::Level) {
            return Err(Error::NotShareable { interrupt: name });
        }
        let has_source = self.inside.source.is_some();
        #[cfg(all(feature = "std", not(loom)))]
        if (self.polling != Polling::None || self.silence.is_some())
            && (!has_source || matches!(self.attendance, Attendance::Nobody))
        {
            return Err(Error::NothingToPoll { interrupt: name });
        }
        #[cfg(all(feature = "std", not(loom)))]
        crate::placement::check(&self.policy, &name)?;
        #[cfg(all(feature = "std", not(loom)))]
        if self.silence == Some(Duration::ZERO) {
            return Err(Error::NoTime { interrupt: name, what: "poll_when_silent" });
        }
        #[cfg_attr(not(feature = "std"), expect(unused_mut, reason = "nothing is timed"))]
        let mut inside = self.inside;
        #[cfg(all(feature = "std", not(loom)))]
        let mut work = self.work;
        #[cfg(not(all(feature = "std", not(loom))))]
        let work = self.work;
        #[cfg(all(feature = "std", not(loom)))]
        let watched = match self.overdue_after {
            Some(Duration::ZERO) => return Err(Error::NoTime { interrupt: name, what: "overdue_after" }),
            Some(limit) => Some(watch(limit, &mut inside, &mut work)),
            None => None,
        };
        #[cfg(feature = "std")]
        let timing = self.timed.then(|| crate::timing::Timing::of(&mut inside));
        let work = match (work, self.device.clone()) {
            (Some(work), Some(device)) if self.serialized => Some(serialized(work, device)),
            (_, None) if self.serialized || self.wake_capable => return Err(Error::NoDevice { interrupt: name }),
            (work, _) => work,
        };
        let object = InterruptObject::assemble(name, self.data, inside, work);
        #[cfg(feature = "std")]
        let object = object.with_timing(timing);
        let mut object = object;
        if let Some(device) = self.device.clone() {
            object.join(Membership { device, serialized: self.serialized, wake_capable: self.wake_capable });
        }
        if self.shared {
            object.note_shared();
        }
        if let Some(info) = info {
            // How its empty runs are taken is looked at when it connects.
            let _ = object.note(info);
        }
        #[cfg(all(feature = "std", not(loom)))]
        object.note_policy(self.policy);
        #[cfg(all(feature = "std", not(loom)))]
        let interrupt = attend(object, self.attendance, has_source, self.polling, self.silence)?;
        #[cfg(all(feature = "std", not(loom)))]
        if let Some(watched) = watched.as_ref().and_then(Weak::upgrade) {
            let object: Weak<InterruptObject<T, W>> = Arc::downgrade(interrupt.object());
            watched.tell(object).map_err(|source| Error::Dispatcher { interrupt: interrupt.name().clone(), source })?;
        }
        #[cfg(not(all(feature = "std", not(loom))))]
        let interrupt = attend(object, self.attendance, has_source)?;
        if let Some(device) = self.device {
            let member: Arc<dyn Member> = interrupt.object().clone();
            device.adopt(Arc::downgrade(&member));
        }
        Ok(interrupt)
    }
}

/// Has every callback run under the eyes of the watchdog. They own what is answered.
#[cfg(all(feature = "std", not(loom)))]
fn watch<T: 'static, W: 'static>(
    limit: Duration,
    inside: &mut Inside<T, W>,
    work: &mut Option<WorkFn<T, W>>,
) -> Weak<Watched> {
    let watched = Arc::new(Watched::new(limit));
    let (theirs, mut isr) = (watched.clone(), mem::replace(&mut inside.isr, Isr::NONE));
    inside.isr = Isr::Boxed(Box::new(move |cx| theirs.run(Callback::Isr, || isr.call(cx))));
    for (place, callback) in [
        (&mut inside.enable, Callback::Enable),
        (&mut inside.disable, Callback::Disable),
        (&mut inside.removal, Callback::Removal),
    ] {
        let (theirs, mut called) = (watched.clone(), mem::replace(place, OnChange::NOTHING));
        *place = OnChange::Boxed(Box::new(move |data| theirs.run(callback, || called.call(data))));
    }
    if let Some(mut called) = work.take() {
        let theirs = watched.clone();
        *work = Some(WorkFn::Boxed(Box::new(move |cx| theirs.run(Callback::WorkItem, || called.call(cx)))));
    }
    Arc::downgrade(&watched)
}

#[cfg(all(feature = "std", not(loom)))]
fn attend<T: Send + 'static, W: Send + 'static>(
    mut object: InterruptObject<T, W>,
    attendance: Attendance,
    has_source: bool,
    polling: Polling,
    silence: Option<Duration>,
) -> Result<Interrupt<T, W>, Error> {
    let own = match &attendance {
        Attendance::Own if has_source => Some(Dispatcher::named(object.name())?),
        _ => None,
    };
    let dispatcher = match (&own, attendance) {
        (Some(own), _) => own.clone(),
        (None, Attendance::Given(given)) => given,
        (None, _) => return Ok(Interrupt::new(Arc::new(object), None)),
    };
    if object.has_work_item() {
        dispatcher.need_worker(object.name())?;
    }
    let object = Arc::new_cyclic(|weak: &Weak<InterruptObject<T, W>>| {
        object.set_dispatch(dispatcher.register(weak.clone(), polling, silence, own.is_some()));
        object
    });
    Ok(Interrupt::new(object, own))
}

#[cfg(not(all(feature = "std", not(loom))))]
fn attend<T, W>(
    object: InterruptObject<T, W>,
    _attendance: Attendance,
    _has_source: bool,
) -> Result<Interrupt<T, W>, Error> {
    Ok(Interrupt::new(Arc::new(object)))
}

fn boxed<T, F, R>(mut callback: F) -> OnChange<T>
where
    F: FnMut(&mut T) -> R + Send + 'static,
    R: Outcome,
{
    OnChange::Boxed(Box::new(move |data| callback(data).into_result()))
}

/// The work item, under the callback lock of `device`.
fn serialized<T: 'static, W: 'static>(mut work: WorkFn<T, W>, device: Device) -> WorkFn<T, W> {
    WorkFn::Boxed(Box::new(move |context| device.serialize(|| work.call(context))))
}
