//! The builder of an interrupt. It collects the options; `build` checks them.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the options that say what the interrupt is: data, name, ISR, source, device | L9, W5, E9 |
//! | `callbacks` | the options that register its other callbacks | I13, W6 |
//! | `options` | all options, as plain data, and their checks | I8 |
//! | `build` | checks, assembles and attaches the interrupt | L9, W5 |
//! | `service` | the options that say what serves the interrupt, and what is measured and watched | P1, I14, I17, S2 |
//! | `instruments` | wraps the callbacks, to measure and to watch them | I17, S2 |
//! | `unserved` | stands in for `service` and `instruments` without the feature `std` | |

mod build;
mod callbacks;
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

use crate::answer::{NoWorkItem, WithWorkItem};
use crate::claim::Claim;
use crate::device::Device;
use crate::interrupt::{Interrupt, Isr, IsrContext};
use crate::lock::InterruptLock;
use crate::name::Name;
use crate::source::Source;
use options::{Data, Options};

/// In the type of a [`Builder`]: the ISR, or the work item, has not been registered yet.
#[derive(Debug)]
pub struct Missing(());

/// In the type of a [`Builder`]: the ISR, or the work item, has been registered.
#[derive(Debug)]
pub struct Given(());

/// In the type of a [`Builder`]: an ISR has been registered, so the interrupt can be built.
#[diagnostic::on_unimplemented(
    message = "an interrupt needs an ISR",
    label = "no ISR is registered",
    note = "register one with `.isr(…)` before `.build()`"
)]
pub trait IsrRegistered: sealed::Sealed {}

impl IsrRegistered for Given {}

/// Maps "has a work item" in the type of a [`Builder`] to the type of the interrupt.
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

/// Builds an [`Interrupt`] for a driver: stands for `WUDF_INTERRUPT_CONFIG` and `WDF_INTERRUPT_CONFIG`.
///
/// Begin with [`Interrupt::builder`], set the options, and end with [`build`](Self::build). All options are set here: a
/// built interrupt has no setters. The type parameters `I` and `S` record whether an ISR and a work item are
/// registered. The compiler infers them.
///
/// # Callbacks that own the driver
///
/// If a callback owns the driver, and the driver owns the interrupt's handle, neither is ever freed. Give the callback
/// an [`alloc::sync::Weak`] reference instead:
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::{Arc, Weak};
/// use interrupt_lock::{Claim, Interrupt, NoWorkItem};
///
/// struct Driver {
///     interrupt: Interrupt<(), NoWorkItem>,
///     frames: AtomicU32,
/// }
///
/// let driver = Arc::new_cyclic(|weak: &Weak<Driver>| {
///     let weak = weak.clone();
///     let interrupt = Interrupt::builder(())
///         .isr(move |_| {
///             if let Some(driver) = weak.upgrade() {
///                 driver.frames.fetch_add(1, Ordering::Relaxed);
///             }
///             Claim::Claimed
///         })
///         .build()
///         .unwrap();
///     Driver { interrupt, frames: AtomicU32::new(0) }
/// });
/// driver.interrupt.enable()?;
/// driver.interrupt.service();
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[must_use = "nothing is built before `.build()`"]
pub struct Builder<T, W, I, S> {
    options: Options<T, W>,
    _given: PhantomData<(I, S)>,
}

impl<T, W> Interrupt<T, W> {
    /// Begins to build an interrupt with a lock of its own. `data` is the interrupt data and lives inside that lock.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// #[derive(Default)]
    /// struct Received {
    ///     frames: u32,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Received::default())
    ///     .isr(|received| {
    ///         received.frames += 1;
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CreateInterrupt")]
    #[doc(alias = "WdfInterruptCreate")]
    #[doc(alias = "WUDF_INTERRUPT_CONFIG_INIT")]
    #[doc(alias = "WDF_INTERRUPT_CONFIG_INIT")]
    #[doc(alias = "AssignContext")]
    pub fn builder(data: T) -> Builder<T, W, Missing, Missing> {
        Builder::new(Data::Own(data))
    }

    /// Begins to build an interrupt that shares `lock`, and the data in it, with other interrupts ([rule
    /// L9](crate::guide::contract#l9)): stands for *WDF_INTERRUPT_CONFIG.SpinLock*.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use interrupt_lock::{Claim, Interrupt, InterruptLock};
    ///
    /// #[derive(Default)]
    /// struct Port {
    ///     received: u32,
    ///     sent: u32,
    /// }
    ///
    /// let port = Arc::new(InterruptLock::new(Port::default()));
    /// let receive = Interrupt::builder_sharing(&port)
    ///     .name("receive")
    ///     .isr(|port| {
    ///         port.received += 1;
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// let transmit = Interrupt::builder_sharing(&port)
    ///     .name("transmit")
    ///     .isr(|port| {
    ///         port.sent += 1;
    ///         Claim::Claimed
    ///     })
    ///     .build()?;
    /// receive.enable()?;
    /// receive.service();
    /// assert_eq!(transmit.acquire_interrupt_lock().received, 1);
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
    /// Names the interrupt in errors, panics and reports. The default is the name of its source; without a source it is
    /// "interrupt".
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(()).name("edu0").isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.name().as_str(), "edu0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Registers the interrupt service routine, which every interrupt needs: stands for *OnInterruptIsr*.
    ///
    /// The ISR runs with the interrupt lock held, once for each assertion, or once for several if the source coalesces
    /// them. Two runs never overlap. Its context dereferences to the interrupt data. The closure may own what else it
    /// needs, such as a register handle.
    ///
    /// The ISR must not wait for a thread that needs the interrupt lock. A panic in it is a fault and takes the
    /// interrupt out of service ([rule I12](crate::guide::contract#i12)). If panics abort, the program ends.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, Interrupt, NoWorkItem, Registers};
    ///
    /// const INTERRUPT_STATUS: usize = 0x24;
    /// const ACKNOWLEDGE: usize = 0x64;
    ///
    /// #[derive(Default)]
    /// struct Seen {
    ///     status: u32,
    /// }
    ///
    /// fn driver(registers: impl Registers + Send + 'static) -> Result<Interrupt<Seen, NoWorkItem>, Error> {
    ///     Interrupt::builder(Seen::default())
    ///         .isr(move |seen| {
    ///             let status = registers.read32(INTERRUPT_STATUS);
    ///             if status == 0 {
    ///                 return Claim::Unclaimed;
    ///             }
    ///             registers.write32(ACKNOWLEDGE, status);
    ///             seen.status |= status;
    ///             Claim::Claimed
    ///         })
    ///         .build()
    /// }
    /// ```
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    #[doc(alias = "WUDF_INTERRUPT_ISR")]
    #[doc(alias = "EVT_WDF_INTERRUPT_ISR")]
    pub fn isr<F>(mut self, isr: F) -> Builder<T, W, Given, S>
    where
        F: FnMut(&mut IsrContext<'_, T, W>) -> Claim + Send + 'static,
    {
        self.options.registered.isr = Isr::Boxed(Box::new(isr));
        self.given()
    }

    /// Sets the source, which asserts the interrupt: a line, a message vector, an eventfd, a simulated device.
    ///
    /// Each enable connects the source. At the end of the interrupt it is dropped after the callbacks. Without a
    /// source, each call of [`service`](crate::InterruptObject::service) is an assertion.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// #[derive(Default)]
    /// struct Received {
    ///     frames: u32,
    /// }
    ///
    /// let (source, line) = Software::edge();
    /// let interrupt = Interrupt::builder(Received::default())
    ///     .isr(|received| {
    ///         received.frames += 1;
    ///         Claim::Claimed
    ///     })
    ///     .source(source)
    ///     .build()?;
    /// interrupt.enable()?;
    /// line.assert(); // the ISR runs on the dispatcher's thread
    /// interrupt.disable()?; // the ISR has run when this returns
    /// assert_eq!(interrupt.acquire_interrupt_lock().frames, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "InterruptRaw")]
    #[doc(alias = "InterruptTranslated")]
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.options.registered.source = Some(Box::new(source));
        self
    }

    /// Says that other devices may assert the same line ([rule I8](crate::guide::contract#i8)): stands for
    /// *ShareVector*.
    ///
    /// Only a level line can be shared: for a source that is known to be an edge or a message, [`build`](Self::build)
    /// returns an error.
    ///
    /// ```
    /// use interrupt_lock::{Claim, ErrorKind, Interrupt, source::Software};
    ///
    /// let (edge, _) = Software::edge();
    /// let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).source(edge).shared().build();
    /// assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NotShareable));
    /// ```
    #[doc(alias = "ShareVector")]
    #[doc(alias = "WDF_TRI_STATE")]
    pub fn shared(mut self) -> Self {
        self.options.shared = true;
        self
    }

    /// Sets the device that the interrupt belongs to.
    ///
    /// The device enables its interrupts as it enters D0, in the order in which they were built, and disables them in
    /// reverse as it leaves D0 ([rule E5](crate::guide::contract#e5)).
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.device(), Some(&device));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "ParentObject")]
    pub fn device(mut self, device: &Device) -> Self {
        self.options.device = Some(device.clone());
        self
    }

    /// Lets the interrupt wake its device from low power ([rule E9](crate::guide::contract#e9)): stands for
    /// *CanWakeDevice*. It needs a [`device`](Self::device).
    ///
    /// If the interrupt is enabled when the device leaves D0, it stays connected, and its disable callback does not
    /// run. An assertion then makes the device enter D0, in this order:
    ///
    /// 1. The D0-entry callback of the device. If it fails, nothing else happens: the assertion is kept for the next D0
    ///    entry, and [`Device::wake_error`] returns the error.
    /// 2. The ISR of this interrupt.
    /// 3. The other interrupts are enabled.
    ///
    /// The dispatcher's worker does this. Without a dispatcher, the thread that calls
    /// [`service`](crate::InterruptObject::service) does it, after the section. If that thread is inside a transition
    /// of another interrupt of the device, or holds the device's callback lock, entering D0 would wait for itself. Then
    /// it is refused: [`Device::wake_error`] returns that error, and the assertion is kept for the next D0 entry.
    ///
    /// In low power, [`disable`](crate::InterruptObject::disable) disconnects the interrupt and runs its disable
    /// callback.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt, State};
    ///
    /// #[derive(Default)]
    /// struct Button {
    ///     presses: u32,
    /// }
    ///
    /// let device = Device::builder("button").build();
    /// let interrupt = Interrupt::builder(Button::default())
    ///     .isr(|button| {
    ///         button.presses += 1;
    ///         Claim::Claimed
    ///     })
    ///     .device(&device)
    ///     .wake_capable()
    ///     .build()?;
    /// device.enter_d0()?;
    /// device.exit_d0()?;
    /// assert_eq!(interrupt.state(), State::Asleep);
    ///
    /// interrupt.service(); // the button is pressed
    /// assert_eq!(interrupt.state(), State::Enabled);
    /// assert_eq!(interrupt.acquire_interrupt_lock().presses, 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "CanWakeDevice")]
    pub fn wake_capable(mut self) -> Self {
        self.options.wake_capable = true;
        self
    }

    /// Gives the interrupt no dispatcher, for a driver with a loop of its own.
    ///
    /// The driver then waits on the source itself, and calls [`service`](crate::InterruptObject::service) and
    /// [`run_work_item`](crate::InterruptObject::run_work_item).
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// #[derive(Default)]
    /// struct Received {
    ///     frames: u32,
    /// }
    ///
    /// let (source, line) = Software::edge();
    /// let interrupt = Interrupt::builder(Received::default())
    ///     .isr(|received| {
    ///         received.frames += 1;
    ///         Claim::Claimed
    ///     })
    ///     .source(source)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// line.assert();
    /// interrupt.service();
    /// assert_eq!(interrupt.acquire_interrupt_lock().frames, 1);
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

impl<T, I, S> Builder<T, WithWorkItem, I, S> {
    /// Runs the work item under the callback lock of the interrupt's device ([rule W5](crate::guide::contract#w5)):
    /// stands for *AutomaticSerialization*. It needs a [`device`](Self::device).
    ///
    /// The work item then overlaps none of these:
    ///
    /// - the device's callbacks,
    /// - sections of [`Device::synchronize`],
    /// - work items of the device's other interrupts, if they are serialized too.
    ///
    /// The ISR and the enable and disable callbacks do not run under the callback lock.
    ///
    /// Enabling and disabling may have to flush the work item. A thread that holds the callback lock would wait for
    /// itself there, so both are refused ([rule E4](crate::guide::contract#e4)), also in the device's callbacks. If
    /// such a thread drops the interrupt, the drop returns at once. A thread that is started for it ends the interrupt
    /// when the callback lock is free.
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
