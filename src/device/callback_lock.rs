//! The lock that a device's callbacks and its serialized work items run under (rule W5). On bare metal it does not mask
//! (rule B4).

use crate::circle::{Circle, Kind};
use crate::device::Device;
use crate::lock::RawInterruptLock;
use crate::lock::raw::{NotAcquired, lock_until, stop_masking};
use crate::lock::waits::Label;
use crate::sync;

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
    /// If it would wait for itself: when the calling thread holds the callback lock already, is in an ISR, or holds what
    /// the owner of the callback lock waits for ([rule L13](crate::guide::contract#l13)). In a forked child, if the
    /// device was built before the fork.
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
    #[doc(alias("ReleaseLock", "WdfObjectReleaseLock"))]
    pub fn synchronize<R>(&self, section: impl FnOnce() -> R) -> R {
        assert!(!sync::is_in_isr(), "{}: the callback lock can't be waited for in an ISR", self.name());
        if let Err(error) = self.check_here() {
            panic!("{error}");
        }
        match self.serialize(section, false) {
            Ok(answer) => answer,
            Err(None) => panic!("{}: the callback lock is held by this thread already", self.name()),
            Err(Some(circle)) => panic!("{}: waiting for the callback lock would never end: {circle}", self.name()),
        }
    }

    /// As `synchronize`, for the crate. Returns an error if the wait would never end: with the circle, or nothing if this
    /// thread holds the lock itself, or if the wait has been called off (`for_end`: only an end's can be).
    pub(super) fn serialize<R>(&self, section: impl FnOnce() -> R, for_end: bool) -> Result<R, Option<Circle>> {
        let label = Label::of(Kind::CallbackLock, self.name()).for_end(for_end);
        match lock_until(&self.0.callback_lock, None, label) {
            Ok(guard) => {
                stop_masking(&guard);
                Ok(section())
            }
            Err(NotAcquired::Circle(circle)) => Err(Some(circle)),
            Err(_) => Err(None),
        }
    }

    /// Returns the raw lock, to look at its owner.
    pub(super) fn raw_callback_lock(&self) -> &RawInterruptLock {
        // SAFETY: the caller only looks at the owner; it does not release the lock.
        unsafe { self.0.callback_lock.raw() }
    }
}
