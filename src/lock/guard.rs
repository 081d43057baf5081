//! The guard of an interrupt lock: access to the data, and the release.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use lock_api::Mutex;

use crate::lock::by_delivery::By;
use crate::lock::raw::{Acquisition, RawInterruptLock};
use crate::lock::release::{Tenant, finish_release};

/// Access to the data of an [`InterruptLock`](crate::InterruptLock), for as long as the guard lives.
///
/// Dropping the guard releases the lock: it stands for *ReleaseInterruptLock*. There is no other way to release, and no
/// way to release twice. The release also does what was left to the owner of the lock: it may run an ISR and deferred
/// closures, and end an interrupt.
///
/// A guard can't leave its thread, and it borrows its interrupt or lock ([rule L5](crate::guide::contract#l5)). If a
/// guard is leaked, the lock stays held for ever.
///
/// ```
/// struct Uart { to_send: Vec<u8> }
///
/// let uart = interrupt_lock::InterruptLock::new(Uart { to_send: Vec::new() });
/// let mut guard = uart.acquire_interrupt_lock();
/// guard.to_send.push(b'a');
/// drop(guard); // ReleaseInterruptLock
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
#[clippy::has_significant_drop]
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

impl<T> InterruptLockGuard<'_, T> {
    /// Releases the lock. `by` says by what right the guard has it.
    ///
    /// # Safety
    ///
    /// Nothing uses the guard afterwards.
    #[inline(always)]
    unsafe fn release(&mut self, by: By) {
        // SAFETY: the guard holds the raw lock of this mutex, and releases it here, once.
        let raw = unsafe { self.mutex.raw() };
        // SAFETY: the acquisition is dropped here and nowhere else.
        unsafe { ManuallyDrop::drop(&mut self.acquisition) };
        // SAFETY: the guard holds the lock, its borrow has ended above, and it touches the data no more.
        if let Err(unfinished) = unsafe { raw.begin_release(by) } {
            // SAFETY: this thread has freed the lock by that, and the guard's borrow has ended.
            unsafe { finish_release(self.mutex, self.tenant, unfinished) };
        }
    }
}

/// No type implements this trait. It makes the message that the compiler shows when a guard is sent to another thread.
#[diagnostic::on_unimplemented(
    message = "the guard of an interrupt lock can't leave the thread that acquired it",
    label = "the lock belongs to the thread that acquired it",
    note = "give the other thread the interrupt itself, and let it acquire the lock there"
)]
#[doc(hidden)]
pub trait LeavesItsThread {}

// SAFETY: this never applies. No type implements the bound, and no other crate can: the trait can't be named there.
#[doc(hidden)]
unsafe impl<T> Send for InterruptLockGuard<'_, T> where Self: LeavesItsThread {}

// SAFETY: as above. (Sharing a guard would be harmless. But if it were `Sync`, the compiler would propose to send a
// borrow of the guard.)
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
        // SAFETY: it is done here, once.
        unsafe { self.release(By::Thread) };
    }
}

/// The guard of a delivery.
///
/// It is a type of its own, so that no release has to look in the owner word by what right it holds the lock: an Intel processor
/// waits for its exchange of that word to be over before it reads the word again.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub(crate) struct DeliveryGuard<'a, T>(ManuallyDrop<InterruptLockGuard<'a, T>>);

impl<'a, T> DeliveryGuard<'a, T> {
    #[inline(always)]
    pub(super) fn new(guard: InterruptLockGuard<'a, T>) -> Self {
        Self(ManuallyDrop::new(guard))
    }
}

impl<T> Deref for DeliveryGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for DeliveryGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Drop for DeliveryGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: it is done here, once: the guard within is never dropped.
        unsafe { self.0.release(By::Delivery) };
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
