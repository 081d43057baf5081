//! What each program needs of its board: a vector table, and a device of two registers.
#![no_std]

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use critical_section::RawRestoreState;

/// The device's data register.
pub static RECEIVED: AtomicU32 = AtomicU32::new(0);
/// The device's control register.
pub static CONTROL: AtomicU32 = AtomicU32::new(0);

/// Pends PendSV.
#[inline(always)]
pub fn pend_sv() {
    // SAFETY: it is the register ICSR of every Cortex-M, and setting this bit pends PendSV.
    unsafe { core::ptr::write_volatile(0xe000_ed04 as *mut u32, 1 << 28) };
}

/// Lets the firmware turn the device on or off.
#[inline(always)]
pub fn control(on: u32) {
    CONTROL.store(on, Relaxed);
}

/// Defines the vector table: what the processor starts, PendSV, and the device's vector (that of SysTick).
#[macro_export]
macro_rules! vectors {
    ($main:path, $pend_sv:path, $vector:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn reset() {
            $main()
        }
        extern "C" fn soft() {
            $pend_sv()
        }
        extern "C" fn device() {
            $vector()
        }
        #[used]
        #[unsafe(link_section = ".vectors")]
        static VECTORS: [extern "C" fn(); 15] =
            [reset, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, soft, device];
        extern "C" fn stop() {
            loop {}
        }
    };
}

/// No program uses what it says.
#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}

struct Board;
critical_section::set_impl!(Board);

// SAFETY: PRIMASK masks all vectors of the one core, and the pairs nest as the crate asks of its users.
unsafe impl critical_section::Impl for Board {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let found: u32;
        // SAFETY: it reads and sets PRIMASK.
        unsafe { core::arch::asm!("mrs {}, PRIMASK", "cpsid i", out(reg) found) };
        found & 1 == 0
    }

    #[inline(always)]
    unsafe fn release(open: RawRestoreState) {
        if open {
            // SAFETY: it clears PRIMASK, which was clear as the section began.
            unsafe { core::arch::asm!("cpsie i") };
        }
    }
}
