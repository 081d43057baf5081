//! The device: several interrupts, their power transitions, and the callback lock.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the device and its list of interrupts | |
//! | `builder` | the builder of a device | |
//! | `callbacks` | its power callbacks, and how they are called | E5 |
//! | `callback_lock` | the lock that they run under, and serialized work items | W5 |
//! | `interrupts` | what a device asks of its interrupts | E5 |
//! | `parent` | what an interrupt asks of its device | E6, E9, P4 |
//! | `power` | entering and leaving D0 | E4, E5 |
//! | `powered` | the handle of a device's power | E6 |
//! | `reset` | recovery by a reset | |
//! | `wake` | assertions that wake the device | E9 |
//!
//! An interrupt owns a handle of its device. The device has only weak references to its interrupts, so it does not keep
//! a dropped interrupt alive.

mod builder;
mod callback_lock;
mod callbacks;
mod interrupts;
mod parent;
mod power;
mod powered;
mod reset;
mod wake;

use core::fmt;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use lock_api::Mutex;

pub use builder::DeviceBuilder;
pub(crate) use interrupts::DeviceInterrupt;
pub use power::D0Entry;
use power::Power;
use powered::PowerHandles;
pub use powered::Powered;
use wake::WakeRequests;

use crate::error::{Error, ErrorKind};
use crate::lock::raw::RawInterruptLock;
use crate::name::Name;
use crate::observe::Stats;
use crate::sync::Process;

/// Several interrupts with common power, for drivers whose device has more than one interrupt or leaves D0: stands for
/// *IWDFDevice* and *WDFDEVICE*.
///
/// The device enables its interrupts as it [enters D0](Self::enter_d0), and disables them as it
/// [leaves D0](Self::exit_d0). [`Builder::device`](crate::Builder::device) makes an interrupt one of the device's.
///
/// A clone is another handle to the same device. Interrupts keep their device alive, but a device does not keep its
/// interrupts alive. Dropping its handles does nothing to its interrupts: an interrupt ends when its own handle is
/// dropped. To make the device leave D0 when its driver is dropped, keep a [`Powered`] in the driver.
///
/// If a callback of the device owns the handle of one of its interrupts, neither is ever freed. Give the callback an
/// [`alloc::sync::Weak`] reference to the driver instead.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Device, Interrupt, State};
///
/// let device = Device::builder("nic")
///     .on_d0_entry(|| { /* switch the clocks on */ })
///     .on_d0_exit(|| { /* switch the clocks off */ })
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
pub struct Device(Arc<Inner>);

struct Inner {
    name: Name,
    /// The process that built it.
    process: Process,
    /// Locked during each transition of the device.
    power: Mutex<RawInterruptLock, Power>,
    /// The device's callbacks and serialized work items run under it.
    callback_lock: Mutex<RawInterruptLock, ()>,
    wake: Mutex<RawInterruptLock, WakeRequests>,
    power_handles: Mutex<RawInterruptLock, PowerHandles>,
    /// In order of creation.
    interrupts: Mutex<RawInterruptLock, Vec<Weak<dyn DeviceInterrupt>>>,
}

impl Device {
    /// Returns the device's name, as errors print it.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert_eq!(device.name().as_str(), "nic");
    /// ```
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// Returns the name and the counters of each of the device's interrupts, in the order in which they were built.
    /// Never waits for an interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).name("receive").device(&device).isr(|_| Claim::Claimed).build()?;
    /// interrupt.enable()?;
    /// interrupt.service();
    /// for (name, stats) in device.stats() {
    ///     assert_eq!((name.as_str(), stats.claimed), ("receive", 1));
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Vec<(Name, Stats)> {
        self.interrupts().iter().map(|interrupt| (interrupt.name().clone(), interrupt.stats())).collect()
    }

    /// Refuses a device that was built before a fork ([rule I20](crate::guide::contract#i20)).
    pub(crate) fn check_here(&self) -> Result<(), Error> {
        if self.0.process.is_this() {
            return Ok(());
        }
        Err(Error::new(self.name().clone(), ErrorKind::Forked))
    }

    /// Makes `interrupt` one of the device's.
    pub(crate) fn adopt(&self, interrupt: Weak<dyn DeviceInterrupt>) {
        let mut interrupts = self.0.interrupts.lock();
        // Those that have ended leave when there is no room, and make as much as is left: so they are seldom looked for.
        if interrupts.len() == interrupts.capacity() {
            interrupts.retain(|interrupt| interrupt.strong_count() != 0);
            let left = interrupts.len();
            interrupts.reserve(left.max(1));
        }
        interrupts.push(interrupt);
    }

    /// Returns the interrupts that have not ended, in the order in which they were built.
    fn interrupts(&self) -> Vec<Arc<dyn DeviceInterrupt>> {
        let interrupts = self.0.interrupts.lock();
        let alive: Vec<_> = interrupts.iter().filter_map(Weak::upgrade).collect();
        drop(interrupts);
        // Outside the lock: if an interrupt was dropped in the meantime, it is freed here.
        alive.into_iter().filter(|interrupt| !interrupt.has_ended()).collect()
    }
}

/// Two handles are equal if they belong to the same device.
impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    /// Prints the name. Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", self.name()).finish_non_exhaustive()
    }
}
