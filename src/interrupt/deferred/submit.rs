//! A driver submits a closure.

use alloc::boxed::Box;

use crate::interrupt::InterruptObject;
use crate::interrupt::state::ENDED;
use crate::{Error, ErrorKind};

/// What became of a closure given to [`InterruptObject::run_or_defer`].
///
/// ```
/// use interrupt_lock::{Claim, Deferral, Interrupt};
///
/// let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.run_or_defer(|count| *count += 1)?, Deferral::Ran);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// It has run, on this thread.
    Ran,
    /// It runs as soon as the lock is free, on the thread that releases it, or has run by now.
    Deferred,
}

impl<T, W> InterruptObject<T, W> {
    /// Runs `closure` with the lock held: now if the lock is free, otherwise as soon as it is (rule L12). It never waits,
    /// and may be called from anywhere, also where the calling thread holds the lock: in the ISR and the callbacks, and in
    /// what they call.
    ///
    /// It stands for what the reference makes every I/O callback write: *TryToAcquireInterruptLock*, and a queue for where
    /// that fails. Where a completion may run on the thread of the ISR that sent the request, with the lock held, acquiring
    /// would be a deadlock; this is not.
    ///
    /// Each closure runs exactly once, and they run in the order of their submission (on one thread, or ordered otherwise);
    /// those of different interrupts that share a lock in no order of their own.
    /// Deferred ones run on the thread that releases the lock, after any delivery that waits and before anybody else's
    /// section. A release runs no more than 64; the others are left to the dispatcher's worker or, where there is none,
    /// to whoever takes the lock next. It allocates only where it defers.
    ///
    /// Where it runs the closure itself, it does afterwards what any release does: what was left meanwhile is served on this
    /// thread, and an interrupt that was dropped with the lock held ends here.
    ///
    /// A panic in it is a fault (rule I12), and goes no further. What is deferred runs before the interrupt ends, disabled
    /// or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Ended`], and the closure is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Deferral, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(Vec::new()).isr(|_| Claim::Claimed).build()?;
    /// let completed = interrupt.acquire_interrupt_lock();
    /// // The completion of a request comes on this very thread:
    /// let deferral = interrupt.run_or_defer(|completed| completed.push("write"))?;
    /// assert_eq!(deferral, Deferral::Deferred);
    /// assert!(completed.is_empty());
    /// drop(completed); // ReleaseInterruptLock, and what was deferred
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), ["write"]);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "TryToAcquireInterruptLock")]
    #[doc(alias = "WdfInterruptTryToAcquireLock")]
    #[track_caller]
    pub fn run_or_defer(&self, closure: impl FnOnce(&mut T) + Send + 'static) -> Result<Deferral, Error> {
        let ended = || self.error(ErrorKind::Ended);
        if let Some(mut data) = self.lock().try_acquire_in_order() {
            if self.state.has(ENDED) {
                return Err(ended());
            }
            self.run_deferred(&mut data, closure);
            drop(data);
            // It may have been a fault.
            self.after_section();
            return Ok(Deferral::Ran);
        }
        self.deferred.push(Box::new(closure)).map_err(|_closure| ended())?;
        // An owner that has gone meanwhile may not have looked: this release does.
        drop(self.lock().leave_or_acquire());
        Ok(Deferral::Deferred)
    }
}
