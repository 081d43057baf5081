//! The guide's page on embassy.
#![no_std]
#![no_main]

include!("../../../src/guide/bare_metal/embassy.rs");

// The vector table.
use lm3s6965 as _;

#[path = "device.rs"]
mod account;

/// What the page calls.
mod device {
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

    use super::account;
    pub use super::account::{measure, start};

    static STORED: AtomicU32 = AtomicU32::new(0);
    static ALL_SHOWN: AtomicBool = AtomicBool::new(false);

    pub fn show(new: u32) {
        ALL_SHOWN.store(account::arrived(new), Relaxed);
        look();
    }

    pub fn store(total: u32) {
        STORED.store(total, Relaxed);
        look();
    }

    /// Both tasks have to have heard of the last measurement. If one has not, the program does not end.
    fn look() {
        if ALL_SHOWN.load(Relaxed) && STORED.load(Relaxed) == account::measured() {
            account::passed();
        }
    }
}
