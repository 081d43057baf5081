//! The methods by which a driver acquires an interrupt lock. They are the same for a lock that stands alone and for an
//! interrupt, so they are written, and documented, once.

/// Defines them in an `impl` block whose type has `fn lock(&self) -> Access<'_, T>`.
macro_rules! lock_methods {
    () => {
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
        pub fn acquire_interrupt_lock(&self) -> $crate::InterruptLockGuard<'_, T> {
            self.lock().acquire()
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
        pub fn try_acquire_interrupt_lock(&self) -> Option<$crate::InterruptLockGuard<'_, T>> {
            self.lock().try_acquire()
        }

        /// Waits for the lock for as long as `timeout` (rule L8).
        ///
        /// # Errors
        ///
        /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut), or at once
        /// [`ErrorKind::Recursive`](crate::ErrorKind::Recursive) if the calling thread holds the lock.
        ///
        /// # Examples
        ///
        /// ```
        /// use interrupt_lock::{Error, ErrorKind, InterruptLock};
        /// use std::time::Duration;
        ///
        /// let count = InterruptLock::new(0);
        /// let guard = count.try_acquire_interrupt_lock_for(Duration::from_millis(1))?;
        /// let again = count.try_acquire_interrupt_lock_for(Duration::from_secs(3600));
        /// assert!(again.is_err_and(|error| matches!(error.kind(), ErrorKind::Recursive { .. }))); // said at once
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
        ) -> Result<$crate::InterruptLockGuard<'_, T>, $crate::Error> {
            // A time-out beyond what the clock can say is no time-out.
            self.lock().acquire_until(std::time::Instant::now().checked_add(timeout))
        }

        /// Waits for the lock until `deadline` (rule L8).
        ///
        /// # Errors
        ///
        /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut), or at once
        /// [`ErrorKind::Recursive`](crate::ErrorKind::Recursive) if the calling thread holds the lock.
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
        ) -> Result<$crate::InterruptLockGuard<'_, T>, $crate::Error> {
            self.lock().acquire_until(Some(deadline))
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
    };
}
pub(crate) use lock_methods;
