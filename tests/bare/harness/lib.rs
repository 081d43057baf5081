//! The laboratory for bare metal: a one-shot timer preempts every instruction of every operation.
//!
//! | machine | what it is | what it shows |
//! |---|---|---|
//! | `lm3s6965evb` | Cortex-M3 | PRIMASK; BASEPRI with the vectors below, above and on both sides of the ceiling; no mask |
//! | `microbit` | Cortex-M0, without compare-exchange | PRIMASK; no mask |
//! | `virt`, 32 bits | riscv32imc, without atomics | mstatus.MIE; no mask |
//! | `virt`, 64 bits | riscv64gc, two harts | two processors at once |
#![no_std]

mod known;
pub mod machine;
mod report;
mod semihosting;
mod sweep;

pub use known::{Known, expect_known};
pub use report::{add_sweep, expect, finish, violation};
pub use semihosting::{exit, print};
pub use sweep::{Case, Shot, entries, mask_before, preempt, sweep_all, take_vectors};

/// Prints. (It ends no line.)
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::print(format_args!($($argument)*)) };
}

unsafe extern "Rust" {
    /// The firmware, which [`firmware!`] names.
    safe fn firmware(hart: usize);
}

/// Names the function that the machine starts, and the one for each further hart. Without the latter, further harts rest.
#[macro_export]
macro_rules! firmware {
    ($main:path) => {
        $crate::firmware!($main, $crate::rest);
    };
    ($main:path, $other:path) => {
        #[unsafe(no_mangle)]
        fn firmware(hart: usize) {
            if hart == 0 { $main() } else { $other() }
        }
    };
}

/// Does nothing, for ever.
pub fn rest() {
    loop {
        core::hint::spin_loop();
    }
}

fn start(hart: usize) -> ! {
    firmware(hart);
    report::violation("the firmware has ended without its totals");
    exit(2)
}
