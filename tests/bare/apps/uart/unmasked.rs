//! The guide's UART, the same file, on a machine that masks nothing.
#![no_std]
#![no_main]

extern crate interrupt_lock as masked;
// What the file takes for the crate is this program.
extern crate self as interrupt_lock;

mod program;

pub use masked::*;

/// The crate's module of that name, with another mask.
pub mod single_core {
    pub use masked::single_core::*;

    /// The crate's module of that name, with another mask.
    pub mod cortex_m {
        /// It masks nothing.
        #[derive(Debug)]
        pub struct Primask(());

        // SAFETY: there is one core, and no scheduler: a vector returns before what it has interrupted goes on.
        unsafe impl masked::single_core::Machine for Primask {
            type Found = ();
            fn mask() {}
            fn restore((): ()) {}
        }
    }
}
