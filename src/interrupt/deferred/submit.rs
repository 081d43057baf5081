//! `run_or_defer`: how a driver submits a closure.

use alloc::boxed::Box;

use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::interrupt::InterruptObject;
use crate::interrupt::state::Phase;

/// What [`InterruptObject::run_or_defer`] has done with a closure, for the driver that submitted it.
///
/// ```
/// use interrupt_lock::{Claim, Deferral, Interrupt};
///
/// struct Transfer {
///     completed: u32,
/// }
///
/// let interrupt = Interrupt::builder(Transfer { completed: 0 }).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.run_or_defer(|transfer| transfer.completed += 1)?, Deferral::Ran);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deferral {
    /// The closure has run, on the calling thread.
    Ran,
    /// The lock was held, so the closure waits: it runs after the release of the lock. It may have run already.
    Deferred,
}

impl<T, W> InterruptObject<T, W> {
    /// Runs `closure` with the lock held: now if the lock is free, otherwise after its release ([rule
    /// L12](crate::guide::contract#l12)).
    ///
    /// Use it in code that must not wait for the lock, or that may run while its own thread holds the lock. The function
    /// never waits, and may be called from anywhere: from the ISR and the callbacks, and from what they call.
    ///
    /// UMDF drivers write this themselves in their I/O callbacks: *TryToAcquireInterruptLock*, and a queue for the case
    /// that it fails. Consider a request that the ISR sends, and that completes on the ISR's own thread: the lock is
    /// held, so to acquire it in the completion would be a deadlock. `run_or_defer` defers the closure instead.
    ///
    /// - Each closure runs exactly once.
    /// - Closures of one interrupt run in the order of their submission, if something orders the submissions: one thread
    ///   makes them, or they are made with the lock held, for example by an ISR or by other closures. Closures of
    ///   different interrupts that share a lock have no order among each other.
    /// - A deferred closure runs on the thread that releases the lock: after a delivery that waits, after the ISR for
    ///   what a source has signalled by then, and before the next thread's section. So an ISR waits for one closure at
    ///   most.
    /// - A release runs 64 deferred closures at most; on a dispatcher's thread one, because other interrupts may need
    ///   that thread. It leaves the others to the dispatcher's worker or, if there is no worker, to the next owner of
    ///   the lock.
    /// - The queue has no bound. If closures are submitted faster than they run, it grows, and with it the memory that
    ///   they use and the time that each waits. The sections of other threads still come in between.
    /// - The function allocates only if it defers.
    /// - If it runs the closure at once, it ends with an ordinary release of the lock: the calling thread then serves
    ///   what was left to the owner meanwhile, and may run the interrupt's end.
    /// - A panic of the closure is a fault ([rule I12](crate::guide::contract#i12)), and does not reach the caller.
    /// - Before an interrupt ends, its deferred closures run, even if it is disabled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Ended`]: the handle has been dropped. The closure is dropped without running.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Deferral, Interrupt};
    ///
    /// struct Disk {
    ///     completed: Vec<&'static str>,
    /// }
    ///
    /// let interrupt = Interrupt::builder(Disk { completed: Vec::new() }).isr(|_| Claim::Claimed).build()?;
    /// let disk = interrupt.acquire_interrupt_lock();
    /// // A request completes on this thread, which holds the lock:
    /// let deferral = interrupt.run_or_defer(|disk| disk.completed.push("write"))?;
    /// assert_eq!(deferral, Deferral::Deferred);
    /// assert!(disk.completed.is_empty());
    /// drop(disk); // ReleaseInterruptLock; then the closure runs
    /// assert_eq!(interrupt.acquire_interrupt_lock().completed, ["write"]);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "TryToAcquireInterruptLock")]
    #[doc(alias = "WdfInterruptTryToAcquireLock")]
    #[track_caller]
    pub fn run_or_defer(&self, closure: impl FnOnce(&mut T) + Send + 'static) -> Result<Deferral, Error> {
        if let Err(error) = self.check_here() {
            self.free(closure);
            return Err(error);
        }
        if let Some(mut data) = self.lock().try_acquire_in_order() {
            if self.state.phase() == Phase::Ended {
                drop(data);
                self.free(closure);
                return Err(self.ended());
            }
            self.run_deferred(&mut data, closure);
            drop(data);
            // If the closure panicked, that is a fault, which ends a listener's wait.
            self.after_section();
            return Ok(Deferral::Ran);
        }
        self.deferred.push(Box::new(closure)).map_err(|closure| {
            self.free(closure);
            self.ended()
        })?;
        // The owner may have released the lock meanwhile, without a look at the queue. Then this acquires the lock, and
        // its release runs the closure.
        drop(self.lock().leave_or_acquire());
        Ok(Deferral::Deferred)
    }
}
