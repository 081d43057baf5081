//! How a machine masks its interrupts.

#[cfg(any(doc, all(feature = "cortex-m", target_arch = "arm", target_os = "none")))]
pub mod cortex_m;
#[cfg(any(doc, all(feature = "riscv", any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none")))]
pub mod riscv;

/// A machine of one core, and its interrupt mask.
///
/// A firmware author seldom implements it: [`cortex_m`] and
/// [`riscv`] have the usual ones. The lock excludes by its own word, so a machine may mask
/// nothing at all: then a vector finds the lock held more often, and the release runs its ISR.
///
/// ```
/// use interrupt_lock::single_core::Machine;
///
/// /// One core, whose interrupts stay on.
/// struct Unmasked;
///
/// // SAFETY: there is one core, and no scheduler: a vector returns before what it has interrupted goes on.
/// unsafe impl Machine for Unmasked {
///     type Found = ();
///     fn mask() {}
///     fn restore((): ()) {}
/// }
/// ```
///
/// # Safety
///
/// An implementation promises, for every program that uses the machine:
///
/// - One core runs all code that uses the objects of this machine.
/// - What interrupts that core, and is not masked by [`mask`](Self::mask), returns before the interrupted code goes on. So
///   a scheduler that switches between tasks is masked, or there is none.
/// - It drops each guard that it has acquired before it returns, and forgets none.
pub unsafe trait Machine: 'static {
    /// What [`mask`](Self::mask) has found.
    type Found: Copy;

    /// Masks the interrupts that call into an object of this machine. Returns what was masked before.
    fn mask() -> Self::Found;

    /// Opens again what [`mask`](Self::mask) found open.
    ///
    /// It must never mask anything. Guards may be dropped in any order, and a section that was opened by hand stays open: if
    /// `restore` masked, the mask would stay on after the last of them.
    fn restore(found: Self::Found);
}
