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
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::account;
    pub use super::account::{measure, start};

    static STORED: AtomicU32 = AtomicU32::new(0);

    pub fn show(new: u32) {
        account::arrived(new);
        look();
    }

    pub fn store(total: u32) {
        STORED.store(total, Relaxed);
        look();
    }

    /// Both tasks have to have heard of the last measurement.
    fn look() {
        if account::arrived(0) && STORED.load(Relaxed) == account::measured() {
            account::next();
        }
    }
}
