//! The laboratory for bare metal: firmware that QEMU runs, in which a one-shot timer preempts every instruction of every
//! operation.
//!
//! `tests/bare/run` builds it, runs it, and fails on a violation. `tests/bare/run --faults` makes each fault of `faults.toml`
//! in a copy of the crate, and fails if it is not found.
//!
//! # What runs where
//!
//! | machine | what it is | what masks, a variant each |
//! |---|---|---|
//! | `lm3s6965evb` | Cortex-M3 | PRIMASK; BASEPRI, with the vectors below, above and on both sides of the ceiling; nothing |
//! | `microbit` | Cortex-M0: no compare-exchange | PRIMASK; nothing |
//! | `virt-32` | riscv32imc: no atomics | mstatus.MIE; nothing |
//! | `virt-64` | riscv64gc, one hart | mstatus.MIE; nothing |
//! | `virt-64-2`, `virt-64-2-steps` | riscv64gc, two harts at once; `steps`: QEMU looks for interrupts before each instruction | mstatus.MIE; nothing |
//!
//! | firmware | what it shows |
//! |---|---|
//! | `canary` | that the laboratory sees: an unprotected counter loses updates, a masked one none, and no instruction is passed over |
//! | `common` | the object of the common core, under the cases |
//! | `single` | the object for one core, under the cases |
//! | `harts` | the object of the common core, hammered by two harts: random, where the others go through all places |
//!
//! # A sweep
//!
//! A [`Case`] is an operation, what the vectors do meanwhile, and a check. A sweep runs the operation again and again. Before
//! each *shot* it arms the timer, a little later than before, until the operation is over before the timer fires. There are
//! three kinds of shots: plain; nested, in which the ISR that the vector runs is preempted by a second vector; and with two
//! timers, whose distance changes too. After each shot the sweep looks whether each timer has fired once at most, and whether
//! the mask is what it was; then the case looks at its invariants.
//!
//! The processor executes an instruction in a fixed time (`-icount`). Without that QEMU looks for interrupts only between
//! blocks of instructions, and an unprotected counter loses nothing.
//!
//! | file | holds |
//! |---|---|
//! | `sweep` | cases, shots and sweeps |
//! | `machine` | the machines: their timers, vectors and masks |
//! | `report` | violations and totals |
//! | `known` | violations that an object is known to have, by rule: they do not fail |
//! | `semihosting` | what QEMU does for the firmware: print, tell the arguments, exit |
//!
//! The cases are in `firmware/cases`, for whatever object has their operations. A new object implements the trait `Subject`
//! there, and gets a firmware, and a line in `run`.
#![no_std]

mod known;
pub mod machine;
mod report;
mod semihosting;
mod sweep;

pub use known::{Known, expect_known};
pub use report::{add_sweep, expect, finish, violation};
pub use semihosting::{exit, print};
pub use sweep::{Case, Shot, entries, mask_before, pend_second, preempt, sweep_all, take_vectors};

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
