//! The lock that a device's callbacks run under (rule W5).

use lock_api::{Mutex, MutexGuard};

use super::Device;
use crate::raw_lock::RawInterruptLock;
use crate::sync;
use crate::waits::{Awaited, Waits};

pub(super) struct CallbackLock {
    lock: Mutex<RawInterruptLock, ()>,
}

impl CallbackLock {
    pub(super) fn new() -> Self {
        Self { lock: Mutex::from_raw(RawInterruptLock::new(), ()) }
    }

    /// To know its owner, or to wait for it.
    pub(super) fn raw(&self) -> &RawInterruptLock {
        // SAFETY: only to know the owner.
        unsafe { self.lock.raw() }
    }

    /// Waits for it, or says why that would never end.
    fn hold(&self) -> Result<MutexGuard<'_, RawInterruptLock, ()>, &'static str> {
        if sync::is_in_isr() {
            return Err("called from an ISR");
        }
        if let Some(held) = self.lock.try_lock() {
            return Ok(held);
        }
        if self.raw().is_mine() {
            return Err("called with the callback lock held");
        }
        let _waits =
            Waits::announce([Awaited::Lock(self.raw())]).map_err(|_| "its holder waits for what this thread holds")?;
        Ok(self.lock.lock())
    }
}

impl Device {
    /// Runs `section` under the device's callback lock (rule W5) and gives its value: *AcquireLock* of the device's
    /// presentation lock. It excludes the device's callbacks, the other sections, and the work items of its interrupts
    /// that ask for [automatic serialization](crate::Builder::automatic_serialization). ISRs and the enable and disable
    /// callbacks of interrupts don't run under it.
    ///
    /// It waits for the lock. It may be taken before an interrupt lock, not while holding one: a section that waits for
    /// that interrupt lock would wait for ever.
    ///
    /// # Panics
    ///
    /// Where it would wait for itself: if the calling thread is in such a section or callback already, in an ISR, or in
    /// a transition that the holder of the lock waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert_eq!(device.synchronize(|| 5), 5);
    /// ```
    #[track_caller]
    #[doc(alias = "AcquireLock")]
    #[doc(alias = "WdfObjectAcquireLock")]
    pub fn synchronize<R>(&self, section: impl FnOnce() -> R) -> R {
        match self.0.callback_lock.hold() {
            Ok(_held) => section(),
            Err(why) => panic!("{}: the callback lock would wait for itself: {why}", self.name()),
        }
    }
}
