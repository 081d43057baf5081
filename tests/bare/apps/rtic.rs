//! The guide's page on RTIC.
#![no_std]
#![no_main]

// RTIC's app has to be at the root of its program.
include!("../../../src/guide/bare_metal/rtic.rs");

#[path = "device.rs"]
mod account;

/// What the page calls.
mod device {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use cortex_m::peripheral::{NVIC, SCB, scb::SystemHandler};
    use lm3s6965::Interrupt;

    pub use super::account::{measure, start};
    use super::{account, ceiling};

    static BATCHES: AtomicU32 = AtomicU32::new(0);

    pub fn filter(samples: u32) -> u32 {
        samples
    }

    pub fn show(batches: u32, filtered: u32) {
        BATCHES.store(BATCHES.load(Relaxed) + batches, Relaxed);
        if account::arrived(filtered) && filtered != 0 {
            assert!(BATCHES.load(Relaxed) > 0, "the task has not run");
            check_ceilings();
            account::next();
        }
    }

    fn check_ceilings() {
        // The table of the page.
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(ceiling), [0xe0, 0xc0, 0xa0, 0x80, 0x60, 0x40, 0x20, 0]);
        assert_eq!(SCB::get_priority(SystemHandler::SysTick), ceiling(3), "RTIC counts otherwise");
        assert_eq!(NVIC::get_priority(Interrupt::GPIOA), ceiling(1), "RTIC counts otherwise");
    }
}
