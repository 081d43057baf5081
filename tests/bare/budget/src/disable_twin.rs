//! The same as `disable`, by hand.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::sync::atomic::Ordering::Relaxed;

use critical_section::Mutex;

static COUNT: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

board::vectors!(main, pend_sv, vector);

fn main() {
    loop {
        critical_section::with(|_| board::control(1));
        critical_section::with(|_| board::control(0));
        pend_sv();
    }
}

fn pend_sv() {
    board::control(critical_section::with(|section| COUNT.borrow(section).take()));
}

fn vector() {
    critical_section::with(|section| {
        let count = COUNT.borrow(section);
        count.set(count.get() + board::RECEIVED.load(Relaxed));
    });
    board::pend_sv();
}
