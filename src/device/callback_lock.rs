//! The lock that a device's callbacks run under (rule W5).
//!
//! An interrupt whose work item needs this lock can't be run down by a thread that holds it. Dropped there, it is kept
//! here, and whoever releases the lock runs it down.

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::{Mutex, MutexGuard};

use crate::device::{Device, DeviceInterrupt};
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::Waits;
use crate::sync;

pub(super) struct CallbackLock {
    lock: Mutex<RawInterruptLock, ()>,
    /// Interrupts whose end is left to the release.
    pub(super) leaving: Mutex<RawInterruptLock, Vec<Arc<dyn DeviceInterrupt>>>,
}

/// The right to run under it.
struct Held<'a> {
    lock: &'a CallbackLock,
    guard: Option<MutexGuard<'a, RawInterruptLock, ()>>,
}

impl CallbackLock {
    pub(super) fn new() -> Self {
        Self {
            lock: Mutex::from_raw(RawInterruptLock::new(), ()),
            leaving: Mutex::from_raw(RawInterruptLock::new(), Vec::new()),
        }
    }

    pub(super) fn raw(&self) -> &RawInterruptLock {
        // SAFETY: only to know the owner.
        unsafe { self.lock.raw() }
    }

    /// Waits for it, or says why that would never end.
    fn hold(&self) -> Result<Held<'_>, &'static str> {
        let guard = match self.lock.try_lock() {
            Some(guard) => guard,
            None if self.raw().is_mine() => return Err("called with the callback lock held"),
            None => {
                let _waits = Waits::register([self.raw().awaited()])
                    .map_err(|_| "its holder waits for what this thread holds")?;
                self.lock.lock()
            }
        };
        Ok(Held { lock: self, guard: Some(guard) })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.guard = None;
        // Who has left one since either comes before this look, or finds the lock free.
        loop {
            let Some(leaving) = self.lock.leaving.lock().pop() else { return };
            leaving.finish_end();
        }
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
        assert!(!sync::is_in_isr(), "{}: the callback lock can't be waited for in an ISR", self.name());
        self.serialize(section)
    }

    /// As `synchronize`, for a work item that is flushed.
    #[track_caller]
    pub(crate) fn serialize<R>(&self, section: impl FnOnce() -> R) -> R {
        match self.try_serialize(section) {
            Ok(answer) => answer,
            Err(why) => panic!("{}: waiting for the callback lock would never end: {why}", self.name()),
        }
    }

    /// As `serialize`; the error says why it would wait for itself.
    pub(super) fn try_serialize<R>(&self, section: impl FnOnce() -> R) -> Result<R, &'static str> {
        let _held = self.0.callback_lock.hold()?;
        Ok(section())
    }

    /// To know its owner, or to wait for it.
    pub(crate) fn callback_lock(&self) -> &RawInterruptLock {
        self.0.callback_lock.raw()
    }
}
