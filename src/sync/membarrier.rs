//! A program's say in how the lock orders its release against a waiter's look.

/// Has the interrupt locks of this process do without `membarrier`, from now on and for good.
///
/// On Linux a thread that is about to wait for an interrupt lock has every running thread of the process pass a memory
/// barrier, so that a release needs none. That interrupts the processors that run them for a moment; where a processor is
/// isolated for a thread that nothing may interrupt, call this first in `main`. Each acquisition and release
/// then pays for a fence of its own. Without `membarrier` in the system (an old kernel, a seccomp filter) that is so
/// anyway.
///
/// If it is called when locks have been used already, threads that wait look again every few milliseconds from then on.
///
/// ```
/// interrupt_lock::without_membarrier();
///
/// let lock = interrupt_lock::InterruptLock::new(1);
/// *lock.acquire_interrupt_lock() += 1;
/// ```
pub fn without_membarrier() {
    crate::sync::without_membarrier();
}
