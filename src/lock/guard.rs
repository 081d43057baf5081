//! The guard: the right to the data.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use lock_api::Mutex;

use crate::lock::raw::{Acquisition, RawInterruptLock, StillHeld};
use crate::lock::release::{Released, Tenant, release_serving};

/// The right to the data of an [`InterruptLock`](crate::InterruptLock), for as long as it lives. Dropping it is *ReleaseInterruptLock*: there
/// is no other way to release, and no second time.
///
/// It can't leave its thread and borrows its interrupt (rule L5). Leaking it leaves the lock held for ever.
///
/// ```
/// # let interrupt = interrupt_lock::InterruptLock::new(0);
/// let mut count = interrupt.acquire_interrupt_lock();
/// *count += 1;
/// drop(count); // ReleaseInterruptLock
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
#[clippy::has_significant_drop]
#[doc(alias = "ReleaseInterruptLock")]
#[doc(alias = "WdfInterruptReleaseLock")]
pub struct InterruptLockGuard<'a, T> {
    mutex: &'a Mutex<RawInterruptLock, T>,
    acquisition: ManuallyDrop<Acquisition>,
    tenant: &'a dyn Tenant<T>,
}

impl<'a, T> InterruptLockGuard<'a, T> {
    #[inline]
    pub(super) fn new(
        mutex: &'a Mutex<RawInterruptLock, T>,
        acquisition: Acquisition,
        tenant: &'a dyn Tenant<T>,
    ) -> Self {
        Self { mutex, acquisition: ManuallyDrop::new(acquisition), tenant }
    }
}

/// Nothing implements it. It is here for what the compiler says to who tries.
#[diagnostic::on_unimplemented(
    message = "the guard of an interrupt lock can't leave the thread that acquired it",
    label = "the lock belongs to the thread that acquired it",
    note = "give the other thread the interrupt itself, and let it acquire the lock there"
)]
#[doc(hidden)]
pub trait LeavesItsThread {}

// SAFETY: it never applies: nothing implements the bound, and nobody outside can name it.
#[doc(hidden)]
unsafe impl<T> Send for InterruptLockGuard<'_, T> where Self: LeavesItsThread {}

// SAFETY: as above. (Sharing it would be harmless; but then the compiler would propose to borrow a guard that is sent.)
#[doc(hidden)]
unsafe impl<T> Sync for InterruptLockGuard<'_, T> where Self: LeavesItsThread {}

impl<T> Deref for InterruptLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard's acquisition excludes every other access, and `&self` every `&mut` through this guard.
        unsafe { &*self.mutex.data_ptr() }
    }
}

impl<T> DerefMut for InterruptLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard's acquisition excludes every other access, and `&mut self` every other through this guard.
        unsafe { &mut *self.mutex.data_ptr() }
    }
}

impl<T> Drop for InterruptLockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard holds the raw lock of this mutex, and goes now.
        let raw = unsafe { self.mutex.raw() };
        // SAFETY: dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.acquisition) };
        // SAFETY: the guard holds the lock, its borrow has ended above, and it touches the data no more.
        if let Err(StillHeld) = unsafe { raw.release() } {
            // SAFETY: the release was refused, and the guard's acquisition is over.
            let released = unsafe { release_serving(self.mutex, self.tenant) };
            if released == Released::ClosuresLeft {
                let tenant = self.tenant.all().unwrap_or(self.tenant);
                tenant.pass_on_closures();
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for InterruptLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for InterruptLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
