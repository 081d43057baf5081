//! One lock, and one data, of several interrupts (rule L9).
//!
//! Whoever holds the lock serves, as it releases it, what was left for any of them. So the lock knows its interrupts:
//! it keeps each from when it is built until it has ended, also where the driver has dropped it in the meantime.

use core::fmt;
use core::ptr;

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use super::{Access, AtRelease, InterruptLockGuard};
#[cfg(feature = "std")]
use crate::Error;
use crate::Name;
use crate::raw_lock::RawInterruptLock;
use crate::sync::Counter;

/// A lock, and the data that it protects, of several interrupts: *WDF_INTERRUPT_CONFIG.SpinLock*.
///
/// For a device with several lines or message vectors whose ISRs work on the same data: no two of them run at once, and
/// whoever holds the lock keeps them all out. Otherwise each interrupt has a lock of its own, and their ISRs run beside
/// each other.
///
/// Each is made by [`Interrupt::builder_sharing`](crate::Interrupt::builder_sharing) and remains an interrupt of its own:
/// it is enabled, faulted and ended by itself. Its own
/// [`acquire_interrupt_lock`](crate::InterruptObject::acquire_interrupt_lock) acquires this lock. What would wait for
/// itself is refused as with one interrupt: an ISR and the callbacks hold the lock, so they can't enable or disable any
/// interrupt that shares it (rule E4). An interrupt that is dropped by a thread that holds the lock ends as soon as the
/// lock is released.
///
/// A clone is another handle to the same lock. The data lives until the last handle and the last interrupt have gone.
///
/// On a machine without an operating system taking the lock masks all interrupts of the processor, whatever their
/// priority. It needs an allocator: `static` interrupts have a lock each.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, NoWorkItem, SharedLock};
///
/// #[derive(Default)]
/// struct Port { received: u32, sent: u32 }
///
/// let port = SharedLock::new(Port::default());
/// let rx = Interrupt::builder_sharing(&port).isr(|port| { port.received += 1; Claim::Claimed }).build()?;
/// let tx = Interrupt::builder_sharing(&port).isr(|port| { port.sent += 1; Claim::Claimed }).build()?;
/// rx.enable()?;
/// tx.enable()?;
///
/// let mut held = port.acquire_interrupt_lock();
/// held.received = 7;
/// rx.service();
/// tx.service();
/// assert_eq!((held.received, held.sent), (7, 0)); // both wait
/// drop(held);
/// assert_eq!(port.synchronize(|port| (port.received, port.sent)), (8, 1));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[doc(alias = "WDFSPINLOCK")]
#[doc(alias = "WdfSpinLockCreate")]
#[doc(alias = "WDFWAITLOCK")]
#[doc(alias = "WdfWaitLockCreate")]
pub struct SharedLock<T>(Arc<Shared<T>>);

// The lock's words and the first of the data lie on one cache line, and nothing else does.
#[repr(C, align(64))]
struct Shared<T> {
    mutex: Mutex<RawInterruptLock, T>,
    name: Name,
    /// Which of them is served first. Written with the lock held.
    turn: Counter,
    /// Never held while anything else is waited for, or called.
    members: Mutex<RawInterruptLock, Vec<Arc<dyn Member<T>>>>,
}

/// An interrupt that shares the lock, and what the owner of the lock does for it.
pub(crate) trait Member<T>: Send + Sync {
    /// Serves what deliveries have left. See [`AtRelease::serve`].
    fn serve_owed(&self, data: &mut T);

    /// Runs one closure, if it may; after that it may not. The answer is whether any are left.
    fn serve_deferred(&self, data: &mut T, may_run: &mut bool) -> bool;

    /// As [`AtRelease::go_on_elsewhere`].
    fn go_on_elsewhere(&self) -> bool;

    /// As [`AtRelease::after`].
    fn after(&self);
}

impl<T> SharedLock<T> {
    /// A free lock around `data`.
    ///
    /// ```
    /// assert_eq!(*interrupt_lock::SharedLock::new(7).acquire_interrupt_lock(), 7);
    /// ```
    #[must_use]
    pub fn new(data: T) -> Self {
        Self::named("shared interrupt lock", data)
    }

    /// A free lock around `data`, with the name that panics and errors give it where it is acquired through this handle.
    ///
    /// ```
    /// let port = interrupt_lock::SharedLock::named("uart0", [0; 16]);
    /// assert_eq!(port.name().as_str(), "uart0");
    /// ```
    #[must_use]
    pub fn named(name: impl Into<Name>, data: T) -> Self {
        Self(Arc::new(Shared {
            mutex: Mutex::from_raw(RawInterruptLock::new(), data),
            name: name.into(),
            turn: Counter::new(),
            members: Mutex::from_raw(RawInterruptLock::new(), Vec::new()),
        }))
    }

    /// The lock's name, as in errors.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::SharedLock::new(()).name().as_str(), "shared interrupt lock");
    /// ```
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// Waits until the caller holds the lock: *AcquireInterruptLock*, of all its interrupts at once. Dropping the guard is
    /// *ReleaseInterruptLock*.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the lock already, through whichever handle or interrupt: in the ISRs and the callbacks
    /// the data is at hand.
    ///
    /// # Examples
    ///
    /// ```
    /// let count = interrupt_lock::SharedLock::new(0);
    /// *count.acquire_interrupt_lock() += 1;
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "WdfSpinLockAcquire")]
    #[doc(alias = "AcquireInterruptLock")]
    pub fn acquire_interrupt_lock(&self) -> InterruptLockGuard<'_, T> {
        self.access().acquire()
    }

    /// Takes the lock if that needs no wait: *TryToAcquireInterruptLock*. `None` if anybody holds it, the caller included.
    ///
    /// ```
    /// let count = interrupt_lock::SharedLock::new(0);
    /// let guard = count.try_acquire_interrupt_lock().unwrap();
    /// assert!(count.try_acquire_interrupt_lock().is_none());
    /// # drop(guard);
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "TryToAcquireInterruptLock")]
    pub fn try_acquire_interrupt_lock(&self) -> Option<InterruptLockGuard<'_, T>> {
        self.access().try_acquire()
    }

    /// Waits for the lock for as long as `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let count = interrupt_lock::SharedLock::new(0);
    /// *count.try_acquire_interrupt_lock_for(Duration::from_millis(5))? += 1;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[inline]
    #[track_caller]
    #[doc(alias = "WdfWaitLockAcquire")]
    pub fn try_acquire_interrupt_lock_for(
        &self,
        timeout: core::time::Duration,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        // A time-out beyond what the clock can say is no time-out.
        self.access().acquire_until(std::time::Instant::now().checked_add(timeout))
    }

    /// Waits for the lock until `deadline`.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let count = interrupt_lock::SharedLock::new(0);
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// *count.try_acquire_interrupt_lock_until(deadline)? += 1;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[inline]
    #[track_caller]
    pub fn try_acquire_interrupt_lock_until(
        &self,
        deadline: std::time::Instant,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        self.access().acquire_until(Some(deadline))
    }

    /// Runs `section` with the lock held and gives its value: *WdfInterruptSynchronize*.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// let count = interrupt_lock::SharedLock::new(1);
    /// let before = count.synchronize(|count| core::mem::replace(count, 2));
    /// assert_eq!(before, 1);
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "WdfInterruptSynchronize")]
    pub fn synchronize<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.acquire_interrupt_lock())
    }

    #[inline]
    fn access(&self) -> Access<'_, T> {
        Access { mutex: self.mutex(), at_release: &*self.0 }
    }

    #[inline]
    pub(crate) fn mutex(&self) -> &Mutex<RawInterruptLock, T> {
        &self.0.mutex
    }

    /// What an interrupt's guard does.
    pub(crate) fn at_release(&self) -> &dyn AtRelease<T> {
        &*self.0
    }

    /// An interrupt that has been built.
    pub(crate) fn join(&self, member: Arc<dyn Member<T>>) {
        self.0.members.lock().push(member);
    }

    /// An interrupt that has ended. The caller holds the lock, so nobody goes through the members meanwhile, and has the
    /// interrupt from somebody else who keeps it: nothing is freed here.
    pub(crate) fn leave(&self, member: *const ()) {
        self.0.members.lock().retain(|joined| !ptr::addr_eq(Arc::as_ptr(joined), member));
    }
}

impl<T> Shared<T> {
    fn member(&self, place: usize) -> Option<Arc<dyn Member<T>>> {
        self.members.lock().get(place).cloned()
    }
}

impl<T> AtRelease<T> for Shared<T> {
    fn name(&self) -> &Name {
        &self.name
    }

    fn serve(&self, data: &mut T, may_run: &mut bool) -> bool {
        // With the lock held nobody leaves: each is met, and none is dropped here.
        let members = self.members.lock().len();
        for member in (0..members).filter_map(|place| self.member(place)) {
            member.serve_owed(data);
        }
        // Each is first in turn, or the closures of one could keep those of another waiting for ever.
        let first = self.turn.get() as usize;
        self.turn.add_exclusive(1);
        let mut are_left = false;
        for step in 0..members {
            if let Some(member) = self.member(first.wrapping_add(step) % members) {
                are_left |= member.serve_deferred(data, may_run);
            }
        }
        are_left
    }

    fn go_on_elsewhere(&self) -> bool {
        let mut place = 0;
        while let Some(member) = self.member(place) {
            if member.go_on_elsewhere() {
                return true;
            }
            place += 1;
        }
        false
    }

    fn after(&self) {
        // From the last to the first: whoever leaves meanwhile, or now, moves only those that have been met.
        let mut place = self.members.lock().len();
        while place > 0 {
            place -= 1;
            if let Some(member) = self.member(place) {
                member.after();
            }
        }
    }
}

impl<T> Clone for SharedLock<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for SharedLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedLock<T> {
    /// One snapshot; never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SharedLock");
        debug.field("name", self.name());
        match self.try_acquire_interrupt_lock() {
            Some(data) => debug.field("data", &*data),
            None => debug.field("data", &format_args!("<held>")),
        };
        debug.finish()
    }
}
