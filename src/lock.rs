//! The interrupt lock: a value that an ISR and its driver share, and the guard that gives access to it.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::panic::Location;

use lock_api::Mutex;

use crate::raw_lock::{Acquisition, Entry, NotAcquired, Pending, RawInterruptLock};
use crate::sync::{self, const_outside_models};
use crate::{Error, Name};

/// A lock, and the data that it protects, which an ISR shares with the rest of its driver.
///
/// Each [`Interrupt`](crate::Interrupt) has one; it can also be used on its own. The data is reachable only while the
/// lock is held (rule L3). A panic while it is held releases it and poisons nothing.
///
/// Acquiring it twice on one thread would wait for ever; it is noticed at once (rule L4): see each method.
///
/// # Examples
///
/// ```
/// use interrupt_lock::InterruptLock;
///
/// static PENDING: InterruptLock<Vec<u32>> = InterruptLock::new(Vec::new());
///
/// PENDING.acquire_interrupt_lock().push(7);
/// assert_eq!(PENDING.synchronize(|pending| pending.pop()), Some(7));
/// ```
///
/// A guard that is a temporary of a `while let` or an `if let` lives until the end of the whole statement, so its body
/// runs with the lock held, and a second acquisition in it panics:
///
/// ```should_panic
/// # let pending = interrupt_lock::InterruptLock::new(vec![1]);
/// while let Some(_) = pending.acquire_interrupt_lock().pop() {
///     pending.acquire_interrupt_lock().push(2); // still held by the line above
/// }
/// ```
///
/// ```
/// # let pending = interrupt_lock::InterruptLock::new(vec![1]);
/// while let Some(n) = pending.synchronize(|pending| pending.pop()) {
///     if n == 1 { pending.acquire_interrupt_lock().push(2); } // free again
/// }
/// ```
///
/// # Priority inversion
///
/// The lock has no priority inheritance: a thread of low priority that holds it and is preempted delays a real-time
/// dispatcher, and with it the ISR, for as long as it does not run. What the lock bounds is the number of sections that a
/// waiting delivery lets pass: the one that is being run, and no other, whoever waits or comes (rule L7). It can't bound
/// how long that one lasts. What a driver does about it:
///
/// - keep sections short: compute outside, and only store or take inside; no system call that may block;
/// - from code of low priority, hand the section over
///   ([`run_or_defer`](crate::InterruptObject::run_or_defer)) or try
///   ([`try_acquire_interrupt_lock`](Self::try_acquire_interrupt_lock)) rather than wait for it. The section still runs
///   on the caller where the lock is free, so this shortens the wait, and does not remove the inversion;
/// - give every thread that takes the lock a priority as high as the dispatcher's, at least while it holds it, so that
///   nothing in between can preempt it. (On bare metal masking the interrupt does that.)
#[doc(alias = "WdfSpinLock")]
// The lock's words and the first of the data lie on one cache line, wherever the lock itself does; the name is only for
// errors.
#[repr(C, align(32))]
pub struct InterruptLock<T> {
    mutex: Mutex<RawInterruptLock, T>,
    name: Name,
}

/// What the owner of a lock does, before it releases it, for those who left word.
pub(crate) trait AtRelease<T> {
    /// Runs with the lock held: serves what deliveries have left, and then, if it may, one closure. The answer is whether
    /// closures are left. Must not unwind.
    fn serve(&self, data: &mut T, closure: bool) -> bool;

    /// Runs after the lock has been released by an owner that had served. Must not unwind.
    fn after(&self);

    /// Runs after a release that has left closures, because it has run as many as it may. Must not unwind.
    fn go_on_elsewhere(&self);

    /// Runs `wait`, once: the wait of a delivery. It answers whether the lock is held then. Must not unwind.
    fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        wait();
    }
}

/// How many closures a release runs. The others are left to whoever takes the lock next.
const CLOSURES: u32 = 64;

/// What a release that had to serve has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Released {
    /// Nothing is left.
    AllServed,
    /// It has run as many closures as it may, and some are left.
    ClosuresLeft,
}

impl<T> InterruptLock<T> {
    const_outside_models! {
        /// A free lock around `data`.
        ///
        /// ```
        /// static COUNT: interrupt_lock::InterruptLock<u32> = interrupt_lock::InterruptLock::new(0);
        /// assert_eq!(*COUNT.acquire_interrupt_lock(), 0);
        /// ```
        #[must_use]
        pub fn new(data: T) -> Self {
            Self::named(Name::new("interrupt lock"), data)
        }

        /// A free lock around `data`, with the name that panics and errors give it.
        ///
        /// ```
        /// use interrupt_lock::{InterruptLock, Name};
        /// static FIFO: InterruptLock<[u8; 16]> = InterruptLock::named(Name::new("uart0"), [0; 16]);
        /// assert_eq!(FIFO.name().as_str(), "uart0");
        /// ```
        #[must_use]
        pub fn named(name: Name, data: T) -> Self {
            Self {
                name,
                mutex: Mutex::from_raw(RawInterruptLock::new(), data),
            }
        }
    }

    /// The lock's name, as in errors.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::InterruptLock::new(()).name().as_str(), "interrupt lock");
    /// ```
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Waits until the caller holds the lock (rule L1): *AcquireInterruptLock*. Dropping the guard is
    /// *ReleaseInterruptLock*.
    ///
    /// Not for contexts that may not block; the ISR and the callbacks hold the lock already and have the data at hand.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the lock already; the message names the interrupt and the place that took it. (The
    /// reference hangs.) An ended thread's identity may be given to a new thread, so if a guard was leaked by
    /// [`core::mem::forget`] before its thread ended, this can be said of the wrong thread; the lock can't be had then
    /// either way.
    ///
    /// # Examples
    ///
    /// ```
    /// let count = interrupt_lock::InterruptLock::new(0);
    /// let mut guard = count.acquire_interrupt_lock();
    /// *guard += 1;
    /// drop(guard);
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "AcquireInterruptLock")]
    #[doc(alias = "WdfInterruptAcquireLock")]
    pub fn acquire_interrupt_lock(&self) -> InterruptLockGuard<'_, T> {
        self.acquire_serving(None)
    }

    /// Takes the lock if that needs no wait (rule L2): *TryToAcquireInterruptLock*. `None` if anybody holds it, the
    /// caller included.
    ///
    /// ```
    /// let count = interrupt_lock::InterruptLock::new(0);
    /// let guard = count.try_acquire_interrupt_lock().unwrap();
    /// assert!(count.try_acquire_interrupt_lock().is_none());
    /// # drop(guard);
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "TryToAcquireInterruptLock")]
    #[doc(alias = "WdfInterruptTryToAcquireLock")]
    pub fn try_acquire_interrupt_lock(&self) -> Option<InterruptLockGuard<'_, T>> {
        self.try_acquire_serving(None)
    }

    /// Waits for the lock for as long as `timeout` (rule L8).
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Error, InterruptLock};
    /// use std::time::Duration;
    ///
    /// let count = InterruptLock::new(0);
    /// let guard = count.try_acquire_interrupt_lock_for(Duration::from_millis(1))?;
    /// let again = count.try_acquire_interrupt_lock_for(Duration::from_secs(3600));
    /// assert!(matches!(again, Err(Error::Recursive { .. }))); // said at once
    /// # drop(guard);
    /// # Ok::<(), Error>(())
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
        self.acquire_until_serving(sync::Instant::now().checked_add(timeout), None)
    }

    /// Waits for the lock until `deadline` (rule L8).
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], or at once [`Error::Recursive`] if the calling thread holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Error, InterruptLock};
    /// use std::time::{Duration, Instant};
    ///
    /// let count = InterruptLock::new(0);
    /// *count.try_acquire_interrupt_lock_until(Instant::now() + Duration::from_millis(1))? += 1;
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[inline]
    #[track_caller]
    pub fn try_acquire_interrupt_lock_until(
        &self,
        deadline: std::time::Instant,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        self.acquire_until_serving(Some(deadline), None)
    }

    /// Runs `section` with the lock held and gives its value (rule L11): *WdfInterruptSynchronize*.
    ///
    /// # Panics
    ///
    /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// let count = interrupt_lock::InterruptLock::new(1);
    /// let before = count.synchronize(|count| core::mem::replace(count, 2));
    /// assert_eq!(before, 1);
    /// ```
    #[inline]
    #[track_caller]
    #[doc(alias = "WdfInterruptSynchronize")]
    pub fn synchronize<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.acquire_interrupt_lock())
    }

    /// The data, without the lock: the exclusive borrow proves that nobody holds it (or that its guard was leaked).
    ///
    /// ```
    /// let mut count = interrupt_lock::InterruptLock::new(1);
    /// *count.get_mut() += 1;
    /// assert_eq!(count.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.mutex.get_mut()
    }

    /// The data, of a lock that is not needed any more.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::InterruptLock::new(7).into_inner(), 7);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.mutex.into_inner()
    }

    #[inline]
    #[track_caller]
    pub(crate) fn acquire_serving<'a>(&'a self, at_release: Option<&'a dyn AtRelease<T>>) -> InterruptLockGuard<'a, T> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => self.guard(acquisition, at_release),
            Err(refused) => match self.acquire_slow(refused, None, at_release) {
                Ok(guard) => guard,
                Err(error) => panic(&error),
            },
        }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire_serving<'a>(
        &'a self,
        at_release: Option<&'a dyn AtRelease<T>>,
    ) -> Option<InterruptLockGuard<'a, T>> {
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition, at_release)),
                Err(NotAcquired::Pending) => {
                    if self.serve_first(at_release) == Released::ClosuresLeft {
                        // They are many: a section comes between.
                        return self.raw().enter_at_once().ok().map(|lock| self.guard(lock, at_release));
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// For a closure that is not to overtake others: the lock, if it needs no wait and no closure waits.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn try_acquire_in_order<'a>(
        &'a self,
        at_release: &'a dyn AtRelease<T>,
    ) -> Option<InterruptLockGuard<'a, T>> {
        let at_release = Some(at_release);
        loop {
            match self.raw().try_acquire() {
                Ok(acquisition) => return Some(self.guard(acquisition, at_release)),
                Err(NotAcquired::Pending) if self.serve_first(at_release) == Released::AllServed => {}
                Err(_) => return None,
            }
        }
    }

    /// For a closure that has been left: the lock, if there is no owner to run it.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn leave_to_owner<'a>(&'a self, at_release: &'a dyn AtRelease<T>) -> Option<InterruptLockGuard<'a, T>> {
        self.raw().leave_to_owner().map(|acquisition| self.guard(acquisition, Some(at_release)))
    }

    #[inline]
    #[track_caller]
    pub(crate) fn acquire_until_serving<'a>(
        &'a self,
        deadline: Option<sync::Instant>,
        at_release: Option<&'a dyn AtRelease<T>>,
    ) -> Result<InterruptLockGuard<'a, T>, Error> {
        match self.raw().acquire_at_once() {
            Ok(acquisition) => Ok(self.guard(acquisition, at_release)),
            Err(refused) => self.acquire_slow(refused, deadline, at_release),
        }
    }

    #[cold]
    #[track_caller]
    fn acquire_slow<'a>(
        &'a self,
        mut refused: NotAcquired,
        deadline: Option<sync::Instant>,
        at_release: Option<&'a dyn AtRelease<T>>,
    ) -> Result<InterruptLockGuard<'a, T>, Error> {
        let interrupt = || self.name.clone();
        loop {
            let answer = match refused {
                NotAcquired::Held => self.raw().wait(deadline),
                NotAcquired::Pending => {
                    if self.serve_first(at_release) == Released::ClosuresLeft {
                        // They are many: a section comes between.
                        self.raw().enter_at_once()
                    } else {
                        self.raw().acquire_at_once()
                    }
                }
                NotAcquired::Recursive(at) => {
                    let taken_at = at.unwrap_or(Location::caller());
                    return Err(Error::Recursive { interrupt: interrupt(), taken_at });
                }
                NotAcquired::TimedOut => return Err(Error::TimedOut { interrupt: interrupt() }),
            };
            match answer {
                Ok(acquisition) => return Ok(self.guard(acquisition, at_release)),
                Err(again) => refused = again,
            }
        }
    }

    /// What is pending comes before the section of the caller, who has the lock for that alone.
    #[cold]
    fn serve_first(&self, at_release: Option<&dyn AtRelease<T>>) -> Released {
        // SAFETY: after `NotAcquired::Pending` the caller has the lock, without a borrow; it tries again afterwards.
        unsafe { serve(&self.mutex, at_release) }
    }

    /// For a delivery: the lock, or `None` if the owner serves the delivery as it releases. `announce` runs first then.
    #[inline]
    #[track_caller]
    pub(crate) fn enter_serving<'a>(
        &'a self,
        at_release: &'a dyn AtRelease<T>,
        may_wait: bool,
        announce: impl FnOnce(),
    ) -> Option<InterruptLockGuard<'a, T>> {
        let entry = match self.raw().enter_at_once() {
            Ok(acquisition) => Entry::Acquired(acquisition),
            Err(_) => self.enter_slow(at_release, may_wait, announce),
        };
        match entry {
            Entry::Acquired(acquisition) => Some(self.guard(acquisition, Some(at_release))),
            Entry::Pending => None,
        }
    }

    #[cold]
    fn enter_slow(&self, at_release: &dyn AtRelease<T>, may_wait: bool, announce: impl FnOnce()) -> Entry {
        let (mut entry, mut announce) = (Entry::Pending, Some(announce));
        at_release.through_wait(&mut || {
            if let Some(announce) = announce.take() {
                entry = self.raw().enter_slow(may_wait, announce);
            }
            matches!(entry, Entry::Acquired(_))
        });
        entry
    }

    #[inline]
    pub(crate) fn raw(&self) -> &RawInterruptLock {
        // SAFETY: this file and the delivery use the raw lock only through guards; nothing else releases it.
        unsafe { self.mutex.raw() }
    }

    #[inline]
    fn guard<'a>(
        &'a self,
        acquisition: Acquisition,
        at_release: Option<&'a dyn AtRelease<T>>,
    ) -> InterruptLockGuard<'a, T> {
        InterruptLockGuard { mutex: &self.mutex, acquisition: ManuallyDrop::new(acquisition), at_release }
    }
}

#[cold]
#[track_caller]
fn panic(error: &Error) -> ! {
    panic!("{error}")
}

impl<T: Default> Default for InterruptLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for InterruptLock<T> {
    /// One snapshot; never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("InterruptLock");
        debug.field("name", &self.name);
        match self.try_acquire_interrupt_lock() {
            Some(data) => debug.field("data", &*data),
            None => debug.field("data", &format_args!("<held>")),
        };
        debug.finish()
    }
}

/// The right to the data of an [`InterruptLock`], for as long as it lives. Dropping it is *ReleaseInterruptLock*: there
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
    at_release: Option<&'a dyn AtRelease<T>>,
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
        if let Err(Pending) = unsafe { raw.release() } {
            // SAFETY: the release was refused, and the guard's acquisition is over.
            let released = unsafe { serve(self.mutex, self.at_release) };
            if let (Released::ClosuresLeft, Some(at_release)) = (released, self.at_release) {
                at_release.go_on_elsewhere();
            }
        }
    }
}

/// Serves what is pending until the lock can be released, and releases it.
///
/// It takes the guard's parts, not the guard: one whose address is known has to be in memory, and each store between
/// acquire and release is one more that the release waits for.
///
/// # Safety
///
/// The caller holds the lock, without a borrow, and passes it on: it must not touch the lock or the data any more.
#[cold]
unsafe fn serve<T>(mutex: &Mutex<RawInterruptLock, T>, at_release: Option<&dyn AtRelease<T>>) -> Released {
    // SAFETY: the lock is held, and is released here alone.
    let raw = unsafe { mutex.raw() };
    let mut closures = 0;
    let released = loop {
        let is_pending = raw.take_pending();
        if let Some(at_release) = at_release.filter(|_| is_pending) {
            // SAFETY: the lock is still held, and its borrow has ended.
            let acquisition = unsafe { raw.resume() };
            // Each closure is a section of its own, so a delivery that has come to wait goes before the next (rule L7).
            let may_run = closures < CLOSURES;
            // SAFETY: the acquisition excludes every other access.
            let are_left = at_release.serve(unsafe { &mut *mutex.data_ptr() }, may_run);
            acquisition.end();
            closures += u32::from(may_run);
            if are_left {
                raw.leave_word();
                #[cfg(feature = "alloc")]
                if closures == CLOSURES {
                    // SAFETY: still held, without a borrow, and not touched again.
                    unsafe { raw.release_passing_on() };
                    break Released::ClosuresLeft;
                }
            }
        }
        // SAFETY: still held, without a borrow, and not touched again after success.
        if unsafe { raw.release() }.is_ok() {
            break Released::AllServed;
        }
    };
    if let Some(at_release) = at_release {
        at_release.after();
    }
    released
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
