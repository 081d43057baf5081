//! The masks of a Cortex-M (feature `cortex-m`). Enable the feature in the firmware of a single core only.
//!
//! The module exists where there is no operating system. With the feature you promise three things:
//!
//! - The firmware runs on one core.
//! - A vector that the mask does not stop drops each guard that it has acquired before it returns, and forgets none.
//! - It drops no guard in a critical section that was begun after the guard. That would open the interrupts in the critical
//!   section, because the guard found them open, and other code in it could be interrupted that must not be. The critical
//!   section found them masked, so it may leave them masked as it ends. [`synchronize`] can't be wrong in this way.
//!
//! On a Cortex-M3 and later, [`Basepri`] and the critical sections of the crate `critical-section` don't touch each other.
//!
//! [`synchronize`]: crate::single_core::InterruptObject::synchronize

#[cfg(all(target_arch = "arm", target_os = "none"))]
use core::arch::asm;

use crate::single_core::Machine;

/// Masks all interrupts by PRIMASK. It is there on every Cortex-M. Only NMI and HardFault get through.
#[derive(Debug)]
pub struct Primask(());

// SAFETY: the feature is for one core. What PRIMASK does not stop, NMI and HardFault, switches no tasks, and keeps the
// feature's second promise.
unsafe impl Machine for Primask {
    /// PRIMASK itself.
    type Found = u32;

    #[inline(always)]
    fn mask() -> u32 {
        let found;
        // SAFETY: reading and setting PRIMASK touches no memory. Without `nomem` the compiler moves nothing across it.
        #[cfg(all(target_arch = "arm", target_os = "none"))]
        unsafe {
            asm!("mrs {}, PRIMASK", "cpsid i", out(reg) found, options(nostack, preserves_flags));
        }
        #[cfg(not(all(target_arch = "arm", target_os = "none")))]
        {
            found = 1;
        }
        found
    }

    #[inline(always)]
    fn restore(found: u32) {
        if found & 1 == 0 {
            // SAFETY: they were open as this section began. As above.
            #[cfg(all(target_arch = "arm", target_os = "none"))]
            unsafe {
                asm!("cpsie i", options(nostack, preserves_flags));
            }
        }
    }
}

/// Masks the interrupts of priority `CEILING` and those less urgent, by BASEPRI. A Cortex-M0 has no BASEPRI.
///
/// `CEILING` is the number as it is written to the register, so on a processor with three bits of priority it is a multiple of
/// 32, and a smaller one is more urgent. A vector more urgent than the ceiling gets through: it may call
/// [`service`](crate::single_core::InterruptObject::service) and
/// [`queue_work_item`](crate::single_core::InterruptObject::queue_work_item), and the release runs the ISR.
///
/// A scheduler's PendSV must not be more urgent than the ceiling.
#[derive(Debug)]
pub struct Basepri<const CEILING: u8>(());

// SAFETY: the feature is for one core, and the type's documentation asks for a scheduler that is masked. What BASEPRI does
// not stop keeps the feature's second promise.
unsafe impl<const CEILING: u8> Machine for Basepri<CEILING> {
    /// BASEPRI itself.
    type Found = u32;

    #[inline(always)]
    fn mask() -> u32 {
        let found;
        const { assert!(CEILING != 0, "a ceiling of 0 masks nothing") };
        // SAFETY: reading and raising BASEPRI touches no memory. Without `nomem` the compiler moves nothing across it.
        #[cfg(all(target_arch = "arm", target_os = "none"))]
        unsafe {
            asm!(
                "mrs {}, BASEPRI",
                "msr BASEPRI_MAX, {}",
                out(reg) found,
                in(reg) u32::from(CEILING),
                options(nostack, preserves_flags)
            );
        }
        #[cfg(not(all(target_arch = "arm", target_os = "none")))]
        {
            found = 0;
        }
        found
    }

    #[inline(always)]
    fn restore(found: u32) {
        let now: u32;
        // SAFETY: reading BASEPRI changes nothing.
        #[cfg(all(target_arch = "arm", target_os = "none"))]
        unsafe {
            asm!("mrs {}, BASEPRI", out(reg) now, options(nostack, preserves_flags));
        }
        #[cfg(not(all(target_arch = "arm", target_os = "none")))]
        {
            now = 0;
        }
        // 0 is open, and a larger number is more open than a smaller one. If more is open now than was found, another guard
        // has opened it, out of order.
        if found.wrapping_sub(1) > now.wrapping_sub(1) {
            // SAFETY: what this opens was open as the section began. Without `nomem` the compiler moves nothing across it.
            #[cfg(all(target_arch = "arm", target_os = "none"))]
            unsafe {
                asm!("msr BASEPRI, {}", in(reg) found, options(nostack, preserves_flags));
            }
        }
    }
}
