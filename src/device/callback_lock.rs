//! The lock that a device's callbacks run under (rule W5).
//!
//! If the work item of an interrupt needs this lock, a thread that holds the lock can't end the interrupt: it would
//! wait for itself. If it drops the interrupt, the interrupt is kept here, and ends at the release of the lock.

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::{Mutex, MutexGuard};

use crate::device::{Device, DeviceInterrupt};
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::Waits;
use crate::sync;

/// The lock, and the ends that are left to its release.
pub(super) struct CallbackLock {
    lock: Mutex<RawInterruptLock, ()>,
    /// Interrupts that the next release ends.
    pub(super) left_ends: Mutex<RawInterruptLock, Vec<Arc<dyn DeviceInterrupt>>>,
}

/// Holds the lock. Dropping it releases the lock, then ends the interrupts that were left to the release.
struct CallbackLockGuard<'a> {
    lock: &'a CallbackLock,
    guard: Option<MutexGuard<'a, RawInterruptLock, ()>>,
}

impl CallbackLock {
    pub(super) fn new() -> Self {
        Self {
            lock: Mutex::from_raw(RawInterruptLock::new(), ()),
            left_ends: Mutex::from_raw(RawInterruptLock::new(), Vec::new()),
        }
    }

    pub(super) fn raw(&self) -> &RawInterruptLock {
        // SAFETY: the caller only looks at the owner; it does not release the lock.
        unsafe { self.lock.raw() }
    }

    /// Waits for the lock. If the wait would never end, returns the reason.
    fn acquire(&self) -> Result<CallbackLockGuard<'_>, &'static str> {
        let guard = match self.lock.try_lock() {
            Some(guard) => guard,
            None if self.raw().is_mine() => return Err("called with the callback lock held"),
            None => {
                let _waits = Waits::register([self.raw().awaited()])
                    .map_err(|_| "its holder waits for what this thread holds")?;
                self.lock.lock()
            }
        };
        Ok(CallbackLockGuard { lock: self, guard: Some(guard) })
    }
}

impl Drop for CallbackLockGuard<'_> {
    fn drop(&mut self) {
        self.guard = None;
        // A thread that leaves an end here looks at the lock afterwards. So either it leaves the end before this look,
        // or it finds the lock free.
        loop {
            let Some(interrupt) = self.lock.left_ends.lock().pop() else { return };
            interrupt.finish_end();
        }
    }
}

impl Device {
    /// Runs `section` under the device's callback lock and returns its value ([rule W5](crate::guide::contract#w5)):
    /// stands for *AcquireLock* on the device's presentation lock.
    ///
    /// The callback lock excludes:
    ///
    /// - the device's callbacks,
    /// - other sections of `synchronize`,
    /// - work items of the device's interrupts with
    ///   [automatic serialization](crate::Builder::automatic_serialization).
    ///
    /// ISRs and the enable and disable callbacks of interrupts do not run under it.
    ///
    /// It waits for the lock. Take the callback lock before an interrupt lock, not while you hold one: a section that
    /// waits for that interrupt lock would wait for ever.
    ///
    /// # Panics
    ///
    /// If it would wait for itself: when the calling thread holds the callback lock already, is in an ISR, or is in a
    /// transition that the owner of the callback lock waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::Device;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// static LINK_SPEED: AtomicU32 = AtomicU32::new(10);
    ///
    /// let device = Device::builder("nic").on_d0_entry(|| LINK_SPEED.store(100, Ordering::Relaxed)).build();
    /// device.enter_d0()?;
    /// let speed = device.synchronize(|| LINK_SPEED.load(Ordering::Relaxed)); // no callback changes it meanwhile
    /// assert_eq!(speed, 100);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "AcquireLock")]
    #[doc(alias = "WdfObjectAcquireLock")]
    pub fn synchronize<R>(&self, section: impl FnOnce() -> R) -> R {
        assert!(!sync::is_in_isr(), "{}: the callback lock can't be waited for in an ISR", self.name());
        self.serialize(section)
    }

    /// As `synchronize`, without the check for an ISR: serialized work items run in it.
    #[track_caller]
    pub(crate) fn serialize<R>(&self, section: impl FnOnce() -> R) -> R {
        match self.try_serialize(section) {
            Ok(answer) => answer,
            Err(why) => panic!("{}: waiting for the callback lock would never end: {why}", self.name()),
        }
    }

    /// As `serialize`. If it would wait for itself, returns the reason.
    pub(super) fn try_serialize<R>(&self, section: impl FnOnce() -> R) -> Result<R, &'static str> {
        let _guard = self.0.callback_lock.acquire()?;
        Ok(section())
    }

    /// Returns the raw lock, to look at its owner.
    pub(crate) fn callback_lock(&self) -> &RawInterruptLock {
        self.0.callback_lock.raw()
    }
}
