//! A program's choice between `membarrier` and fences.

/// Makes the interrupt locks of this process do without `membarrier`, for programs with a processor that nothing may
/// interrupt.
///
/// On Linux, a thread that is about to wait for an interrupt lock makes every running thread of the process pass a
/// memory barrier (`membarrier`), so that a release needs none. This interrupts the processors of those threads for a
/// moment. If one of them is isolated for a thread that must not be interrupted, call this function first in `main`.
/// Each acquisition and each release then pays for a fence.
///
/// The choice can't be taken back. If the system has no `membarrier` (an old kernel, a seccomp filter), the locks use
/// fences anyway.
///
/// If locks have been used before the call, it may sleep once for 10 ms, and threads that wait look again every 10 ms
/// from then on.
///
/// ```
/// // first in `main`
/// interrupt_lock::without_membarrier();
/// ```
pub fn without_membarrier() {
    crate::sync::without_membarrier();
}
