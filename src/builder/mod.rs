//! Building an interrupt, checked as it is built.
//!
//! | file | holds |
//! |---|---|
//! | this one | what the interrupt is: its data, its callbacks, its source, its device |
//! | `options` | all that was given, as plain data, and the checks |
//! | `build` | the interrupt: checked, assembled, attached |
//! | `service` | who serves it, where, and what is looked after |
//! | `instruments` | what is wrapped around its callbacks to measure and to watch them |
//! | `unserved` | in place of the last two, where there is no operating system |

mod build;
#[cfg(feature = "std")]
mod instruments;
mod options;
#[cfg(feature = "std")]
mod service;
#[cfg(not(feature = "std"))]
mod unserved;

use core::marker::PhantomData;

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::device::Device;
use crate::interrupt::{Isr, IsrContext, NoWorkItem, OnChange, WithWorkItem, WorkFn, WorkItemContext, WorkOutcome};
use crate::source::Source;
use crate::{Claim, Interrupt, InterruptLock, Name, Outcome};
use options::{Data, Options};

/// Says that a part of a [`Builder`] is still to be given.
#[derive(Debug)]
pub struct Missing(());

/// Says that a part of a [`Builder`] has been given.
#[derive(Debug)]
pub struct Given(());

/// Says that an ISR has been given.
#[diagnostic::on_unimplemented(
    message = "an interrupt needs an ISR",
    label = "no ISR is registered",
    note = "register one with `.isr(…)` before `.build()`"
)]
pub trait IsrRegistered: sealed::Sealed {}

impl IsrRegistered for Given {}

/// What having a work item makes of the interrupt's type.
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
    options: Options<T, W>,
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
        Builder::new(Data::Own(data))
    }

    /// Begins to build an interrupt that shares the lock and the data of others (rule L9): *WDF_INTERRUPT_CONFIG.SpinLock*.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, InterruptLock};
    /// use std::sync::Arc;
    ///
    /// let port = Arc::new(InterruptLock::new(0));
    /// let rx = Interrupt::builder_sharing(&port).name("rx").isr(|port| { **port += 1; Claim::Claimed }).build()?;
    /// let tx = Interrupt::builder_sharing(&port).name("tx").isr(|_| Claim::Claimed).build()?;
    /// rx.enable()?;
    /// rx.service();
    /// assert_eq!(*tx.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "SpinLock")]
    #[doc(alias = "WaitLock")]
    pub fn builder_sharing(lock: &Arc<InterruptLock<T>>) -> Builder<T, W, Missing, Missing> {
        Builder::new(Data::Shared(lock.clone()))
    }
}

impl<T, W> Builder<T, W, Missing, Missing> {
    fn new(data: Data<T>) -> Self {
        Self { options: Options::new(data), _given: PhantomData }
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
        self.options.name = Some(name.into());
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
        self.options.registered.isr = Isr::Boxed(Box::new(isr));
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
        self.options.registered.enable = boxed(callback);
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
        self.options.registered.disable = boxed(callback);
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
        self.options.registered.removal = boxed(callback);
        self
    }

    /// What asserts the interrupt. It is connected at each enable and dropped after the callbacks.
    ///
    /// Without one, each call of [`service`](crate::InterruptObject::service) is an assertion.
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
        self.options.registered.source = Some(Box::new(source));
        self
    }

    /// Says that other devices may assert the same line (rule I8): *ShareVector*. Only a level line can be shared.
    ///
    /// ```
    /// use interrupt_lock::{Claim, ErrorKind, Interrupt, source::Software};
    ///
    /// let (edge, _) = Software::edge();
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).source(edge).shared().build();
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NotShareable));
    /// ```
    #[doc(alias = "ShareVector")]
    pub fn shared(mut self) -> Self {
        self.options.shared = true;
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
        self.options.device = Some(device.clone());
        self
    }

    /// Lets the interrupt wake its device (rule E9): *CanWakeDevice*. Once it has been enabled it stays connected when
    /// the device leaves D0, without its disable callback; its assertion then has the device enter D0: the D0-entry
    /// callback first, then its ISR, then the other interrupts. If that callback fails, the ISR does not run; the assertion
    /// is kept, and [`Device::wake_error`] says why.
    ///
    /// The dispatcher's worker does this; without a dispatcher the caller of [`service`](crate::InterruptObject::service) does,
    /// after the section. If that thread is inside of a transition of the device's other interrupts, or of the device's
    /// callback lock, the entry would wait for itself: it is refused, [`Device::wake_error`] says so, and the assertion is
    /// kept for the next D0 entry. A [`disable`](crate::InterruptObject::disable) in low power disconnects it as ever, with its disable
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
        self.options.wake_capable = true;
        self
    }

    /// No thread of ours: the driver waits by itself and calls [`service`](crate::InterruptObject::service) and
    /// [`run_work_item`](crate::InterruptObject::run_work_item).
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
        self.options.service.without_dispatcher();
        self
    }

    fn given<I2, S2>(self) -> Builder<T, W, I2, S2> {
        Builder { options: self.options, _given: PhantomData }
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
        self.options.work = Some(WorkFn::Boxed(Box::new(move |context| work(context).into_work())));
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
    /// use interrupt_lock::{Claim, Device, Error, ErrorKind, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .work_item(|_| ())
    ///     .device(&device)
    ///     .automatic_serialization()
    ///     .build()?;
    /// let refused = device.synchronize(|| interrupt.disable());
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::WouldDeadlock { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "AutomaticSerialization")]
    pub fn automatic_serialization(mut self) -> Self {
        self.options.serialized = true;
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
