//! The builder of a device.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::device::callbacks::Callbacks;
use crate::device::power::Power;
use crate::device::powered::PowerHandles;
use crate::device::wake::WakeRequests;
use crate::device::{Device, Inner};
use crate::fault::DeviceCallback;
use crate::interrupt::Outcome;
use crate::lock::raw::RawInterruptLock;
use crate::name::Name;
use crate::sync::Process;

/// Builds a [`Device`] with its power callbacks. Begin with [`Device::builder`].
///
/// All callbacks run on the thread that makes the device enter or leave D0, under the device's callback lock, and
/// without an interrupt lock. Each returns nothing or a `Result`. A panic in a callback counts as its failure.
///
/// ```
/// use interrupt_lock::Device;
///
/// let device = Device::builder("nic").on_d0_entry(|| Err("no clock")).build();
/// assert_eq!(format!("{:#}", device.enter_d0().unwrap_err()), "nic: its D0-entry callback failed: no clock");
/// ```
#[must_use = "nothing is built before `.build()`"]
pub struct DeviceBuilder {
    name: Name,
    callbacks: Callbacks,
}

impl Device {
    /// Begins to build a device. `name` stands for the device in errors.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// ```
    pub fn builder(name: impl Into<Name>) -> DeviceBuilder {
        DeviceBuilder { name: name.into(), callbacks: Callbacks::default() }
    }
}

impl DeviceBuilder {
    /// Registers the D0-entry callback, in which the driver powers its device up: stands for *OnD0Entry*.
    ///
    /// It runs as the device enters D0, before its interrupts are enabled.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").on_d0_entry(|| { /* power on */ }).build();
    /// ```
    #[doc(alias = "OnD0Entry")]
    #[doc(alias = "EvtDeviceD0Entry")]
    pub fn on_d0_entry<R: Outcome>(self, callback: impl FnMut() -> R + Send + 'static) -> Self {
        self.with(DeviceCallback::D0Entry, callback)
    }

    /// Registers the interrupts-enabled callback, in which the driver starts work that needs interrupts: stands for
    /// *EvtDeviceD0EntryPostInterruptsEnabled*.
    ///
    /// It runs as the device enters D0, after its interrupts have been enabled.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").on_interrupts_enabled(|| { /* start receiving */ }).build();
    /// ```
    #[doc(alias = "EvtDeviceD0EntryPostInterruptsEnabled")]
    #[doc(alias = "OnD0EntryPostInterruptsEnabled")]
    pub fn on_interrupts_enabled<R: Outcome>(self, callback: impl FnMut() -> R + Send + 'static) -> Self {
        self.with(DeviceCallback::InterruptsEnabled, callback)
    }

    /// Registers the disabling-interrupts callback, in which the driver stops work that needs interrupts: stands for
    /// *EvtDeviceD0ExitPreInterruptsDisabled*.
    ///
    /// It runs as the device leaves D0, before its interrupts are disabled.
    ///
    /// ```
    /// let device =
    ///     interrupt_lock::Device::builder("nic").on_disabling_interrupts(|| { /* stop receiving */ }).build();
    /// ```
    #[doc(alias = "EvtDeviceD0ExitPreInterruptsDisabled")]
    #[doc(alias = "OnD0ExitPreInterruptsDisabled")]
    pub fn on_disabling_interrupts<R: Outcome>(self, callback: impl FnMut() -> R + Send + 'static) -> Self {
        self.with(DeviceCallback::DisablingInterrupts, callback)
    }

    /// Registers the D0-exit callback, in which the driver powers its device down: stands for *OnD0Exit*.
    ///
    /// It runs as the device leaves D0, after its interrupts have been disabled. It also runs if entering D0 fails
    /// after the D0-entry callback has succeeded.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").on_d0_exit(|| { /* power off */ }).build();
    /// ```
    #[doc(alias = "OnD0Exit")]
    #[doc(alias = "EvtDeviceD0Exit")]
    pub fn on_d0_exit<R: Outcome>(self, callback: impl FnMut() -> R + Send + 'static) -> Self {
        self.with(DeviceCallback::D0Exit, callback)
    }

    fn with<R: Outcome>(mut self, which: DeviceCallback, mut callback: impl FnMut() -> R + Send + 'static) -> Self {
        self.callbacks.set(which, Box::new(move || callback().into_result()));
        self
    }

    /// Returns the device, which is not in D0 yet.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// device.enter_d0()?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn build(self) -> Device {
        Device(Arc::new(Inner {
            name: self.name,
            process: Process::this(),
            power: Mutex::from_raw(RawInterruptLock::new(), Power::off(self.callbacks)),
            callback_lock: Mutex::from_raw(RawInterruptLock::new(), ()),
            power_handles: Mutex::from_raw(RawInterruptLock::new(), PowerHandles::default()),
            wake: Mutex::from_raw(RawInterruptLock::new(), WakeRequests::default()),
            interrupts: Mutex::from_raw(RawInterruptLock::new(), Vec::new()),
        }))
    }
}
