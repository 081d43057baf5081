//! The device: several interrupts, their power transitions, and the lock of its callbacks.
//!
//! | file | holds |
//! |---|---|
//! | `builder` | the device's callbacks, as they are given |
//! | `callbacks` | which they are, and how they are called |
//! | `callback_lock` | the lock that they run under (W5) |
//! | `interrupts` | what a device asks of an interrupt |
//! | `power` | D0 entry and exit (E5) |
//! | `reset` | recovery by a reset |
//! | `wake` | an assertion that brings the device up (E9) |
//!
//! Interrupts keep their device, and it knows them by weak references: neither keeps a dropped one alive.

mod builder;
mod callback_lock;
mod callbacks;
mod interrupts;
mod parent;
mod power;
mod reset;
mod wake;

use core::fmt;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use lock_api::Mutex;

pub use builder::DeviceBuilder;
use callback_lock::CallbackLock;
pub(crate) use interrupts::DeviceInterrupt;
use power::Power;
use wake::LastWake;

use crate::lock::raw::RawInterruptLock;
use crate::{Name, Stats};

/// A device that interrupts belong to: *IWDFDevice*, *WDFDEVICE*. A clone is another handle to the same.
///
/// It brings its interrupts up and down as it gets power and loses it: [`enter_d0`](Self::enter_d0) and
/// [`exit_d0`](Self::exit_d0). Interrupts are built into it, with
/// [`Builder::device`](crate::Builder::device), and keep it; it does not keep them. Dropping its handles does nothing to
/// them: an interrupt ends with its own handle.
///
/// A callback of the device that owns a handle of an interrupt of the same device is a cycle: neither is ever freed. Let
/// it own an [`alloc::sync::Weak`] of what owns the handle.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Device, Interrupt, State};
///
/// let device = Device::builder("nic")
///     .on_d0_entry(|| { /* clocks and power on */ })
///     .on_d0_exit(|| { /* and off */ })
///     .build();
/// let receive = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
/// let transmit = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
///
/// device.enter_d0()?;
/// assert_eq!((receive.state(), transmit.state()), (State::Enabled, State::Enabled));
/// device.exit_d0()?;
/// assert_eq!((receive.state(), transmit.state()), (State::Disabled, State::Disabled));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "IWDFDevice")]
#[doc(alias = "WDFDEVICE")]
pub struct Device(Arc<Inner>);

struct Inner {
    name: Name,
    /// Held through each transition of the device.
    power: Mutex<RawInterruptLock, Power>,
    callback_lock: CallbackLock,
    wake: Mutex<RawInterruptLock, LastWake>,
    /// In order of creation.
    interrupts: Mutex<RawInterruptLock, Vec<Weak<dyn DeviceInterrupt>>>,
}

impl Device {
    /// What the device is called in errors.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert_eq!(device.name().as_str(), "nic");
    /// ```
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// The interrupts of this device, in order of creation: what each is called, and its counters. Never waits for an
    /// interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).name("receive").device(&device).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// let stats = device.stats();
    /// assert_eq!((stats[0].0.as_str(), stats[0].1.claimed), ("receive", 1));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Vec<(Name, Stats)> {
        self.interrupts().iter().map(|interrupt| (interrupt.name().clone(), interrupt.stats())).collect()
    }

    pub(crate) fn adopt(&self, interrupt: Weak<dyn DeviceInterrupt>) {
        let mut interrupts = self.0.interrupts.lock();
        interrupts.retain(|interrupt| interrupt.strong_count() != 0);
        interrupts.push(interrupt);
    }

    /// Those that have not ended, in order of creation.
    fn interrupts(&self) -> Vec<Arc<dyn DeviceInterrupt>> {
        let interrupts = self.0.interrupts.lock();
        let there: Vec<_> = interrupts.iter().filter_map(Weak::upgrade).collect();
        drop(interrupts);
        // Outside the lock: who has been dropped since may be freed here.
        there.into_iter().filter(|interrupt| !interrupt.has_ended()).collect()
    }
}

/// Where two handles are of the same device.
impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    /// One snapshot; never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", self.name()).finish_non_exhaustive()
    }
}
