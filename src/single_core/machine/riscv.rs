//! The mask of a RISC-V hart in machine mode (feature `riscv`). Enable the feature in the firmware of a single hart only.

#[cfg(all(any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none"))]
use core::arch::asm;

use crate::single_core::Machine;

/// The bit of mstatus that lets interrupts through.
const MIE: usize = 1 << 3;

/// Masks all interrupts by the bit MIE of mstatus.
///
/// What [`cortex_m`](crate::single_core::cortex_m) says of guards and critical sections holds here, too.
#[derive(Debug)]
pub struct Mstatus(());

// SAFETY: the feature is for one hart. What MIE does not stop, a non-maskable interrupt, switches no tasks.
unsafe impl Machine for Mstatus {
    /// The bit MIE.
    type Found = usize;

    #[inline(always)]
    fn mask() -> usize {
        let found: usize;
        // SAFETY: reading mstatus and clearing MIE touches no memory. Without `nomem` the compiler moves nothing across it.
        #[cfg(all(any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none"))]
        unsafe {
            asm!("csrrci {}, mstatus, 8", out(reg) found, options(nostack));
        }
        #[cfg(not(all(any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none")))]
        {
            found = 0;
        }
        found & MIE
    }

    #[inline(always)]
    fn restore(found: usize) {
        if found != 0 {
            // SAFETY: they were open as this section began. As above.
            #[cfg(all(any(target_arch = "riscv32", target_arch = "riscv64"), target_os = "none"))]
            unsafe {
                asm!("csrsi mstatus, 8", options(nostack));
            }
        }
    }
}
