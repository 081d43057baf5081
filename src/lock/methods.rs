//! The methods by which a driver acquires an interrupt lock. A lock on its own and an interrupt have the same, so they
//! are written and documented once.

/// Defines the methods in an `impl` block whose type has `fn lock(&self) -> Access<'_, T>`.
macro_rules! lock_methods {
    () => {
        /// Waits until the calling thread holds the lock, and returns the guard that gives access to the data ([rule
        /// L1](crate::guide::contract#l1)).
        ///
        /// Stands for *AcquireInterruptLock*. Dropping the guard stands for *ReleaseInterruptLock*.
        ///
        /// The ISR and the enable, disable and removal callbacks must not call this: they hold the lock already, and
        /// they are given the data. Code that must not block calls
        /// [`try_acquire_interrupt_lock`](Self::try_acquire_interrupt_lock).
        ///
        /// # Panics
        ///
        /// - If the calling thread holds the lock already. The message names the interrupt and the place that took the
        ///   lock. (WDF hangs.)
        /// - If the owner of the lock waits, directly or through other threads, for what the calling thread holds ([rule
        ///   L13](crate::guide::contract#l13)). The message names both, and the places that took them.
        /// - In a forked child, if a thread of the parent held the lock of an interrupt at the fork ([rule
        ///   I20](crate::guide::contract#i20)).
        ///
        /// If a guard was leaked ([`core::mem::forget`]) and its thread has ended, a new thread may get the ended
        /// thread's identity. The panic then blames the wrong thread. That lock can't be acquired any more in any case.
        ///
        /// # Examples
        ///
        /// ```
        /// struct Uart { to_send: Vec<u8> }
        ///
        /// let uart = interrupt_lock::InterruptLock::new(Uart { to_send: Vec::new() });
        /// let mut guard = uart.acquire_interrupt_lock();
        /// guard.to_send.push(b'a');
        /// drop(guard); // ReleaseInterruptLock
        /// ```
        #[inline]
        #[track_caller]
        #[doc(alias = "AcquireInterruptLock")]
        #[doc(alias = "WdfInterruptAcquireLock")]
        pub fn acquire_interrupt_lock(&self) -> $crate::InterruptLockGuard<'_, T> {
            self.lock().acquire()
        }

        /// Takes the lock if that needs no wait, for code that must not block ([rule L2](crate::guide::contract#l2)).
        ///
        /// Stands for *TryToAcquireInterruptLock*. Returns `None` if a thread holds the lock, even if that is the
        /// caller. Also returns `None` if a delivery waits for the lock.
        ///
        /// ```
        /// struct Uart { to_send: Vec<u8> }
        ///
        /// let uart = interrupt_lock::InterruptLock::new(Uart { to_send: Vec::new() });
        /// let guard = uart.try_acquire_interrupt_lock().unwrap();
        /// assert!(uart.try_acquire_interrupt_lock().is_none());
        /// # drop(guard);
        /// ```
        #[inline]
        #[track_caller]
        #[doc(alias = "TryToAcquireInterruptLock")]
        #[doc(alias = "WdfInterruptTryToAcquireLock")]
        pub fn try_acquire_interrupt_lock(&self) -> Option<$crate::InterruptLockGuard<'_, T>> {
            self.lock().try_acquire()
        }

        /// Waits for the lock, but no longer than `timeout` ([rule L8](crate::guide::contract#l8)).
        ///
        /// A waiter that is woken as its time runs out tries once more.
        ///
        /// # Errors
        ///
        /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if the lock is still held after `timeout`.
        /// - [`ErrorKind::Recursive`](crate::ErrorKind::Recursive), at once, if the calling thread holds the lock
        ///   already.
        /// - [`ErrorKind::WouldDeadlock`](crate::ErrorKind::WouldDeadlock), at once, if the owner of the lock waits for
        ///   what the calling thread holds ([rule L13](crate::guide::contract#l13)). The error has the
        ///   [`Circle`](crate::Circle).
        ///
        /// # Examples
        ///
        /// ```
        /// use interrupt_lock::{Error, ErrorKind, InterruptLock};
        /// use std::time::Duration;
        ///
        /// struct Uart { to_send: Vec<u8> }
        ///
        /// let uart = InterruptLock::new(Uart { to_send: Vec::new() });
        /// let guard = uart.try_acquire_interrupt_lock_for(Duration::from_millis(1))?;
        /// let again = uart.try_acquire_interrupt_lock_for(Duration::from_secs(3600));
        /// assert!(again.is_err_and(|error| matches!(error.kind(), ErrorKind::Recursive { .. }))); // at once
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
            // A deadline beyond the clock's range is none.
            self.lock().acquire_until(std::time::Instant::now().checked_add(timeout))
        }

        /// Waits for the lock, but no longer than until `deadline` ([rule L8](crate::guide::contract#l8)).
        ///
        /// A waiter that is woken as its time runs out tries once more.
        ///
        /// # Errors
        ///
        /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if the lock is still held at `deadline`.
        /// - [`ErrorKind::Recursive`](crate::ErrorKind::Recursive), at once, if the calling thread holds the lock
        ///   already.
        /// - [`ErrorKind::WouldDeadlock`](crate::ErrorKind::WouldDeadlock), at once, if the owner of the lock waits for
        ///   what the calling thread holds ([rule L13](crate::guide::contract#l13)). The error has the
        ///   [`Circle`](crate::Circle).
        ///
        /// # Examples
        ///
        /// ```
        /// use interrupt_lock::{Error, InterruptLock};
        /// use std::time::{Duration, Instant};
        ///
        /// struct Uart { to_send: Vec<u8> }
        ///
        /// let uart = InterruptLock::new(Uart { to_send: Vec::new() });
        /// let deadline = Instant::now() + Duration::from_millis(1);
        /// uart.try_acquire_interrupt_lock_until(deadline)?.to_send.push(b'a');
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

        /// Runs `section` with the lock held, and returns its value ([rule L11](crate::guide::contract#l11)).
        ///
        /// Stands for *WdfInterruptSynchronize*. Waits for the lock as
        /// [`acquire_interrupt_lock`](Self::acquire_interrupt_lock) does.
        ///
        /// # Panics
        ///
        /// As [`acquire_interrupt_lock`](Self::acquire_interrupt_lock). If `section` panics, the lock is released.
        ///
        /// # Examples
        ///
        /// ```
        /// struct Uart { received: Vec<u8> }
        ///
        /// let uart = interrupt_lock::InterruptLock::new(Uart { received: vec![b'a'] });
        /// let received = uart.synchronize(|uart| uart.received.pop());
        /// assert_eq!(received, Some(b'a'));
        /// ```
        #[inline]
        #[track_caller]
        #[doc(alias = "WdfInterruptSynchronize")]
        #[doc(alias = "EvtInterruptSynchronize")]
        #[doc(alias = "EVT_WDF_INTERRUPT_SYNCHRONIZE")]
        pub fn synchronize<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
            section(&mut self.acquire_interrupt_lock())
        }
    };
}
pub(crate) use lock_methods;
