//! The same as `isr`, by hand.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::sync::atomic::Ordering::Relaxed;

use critical_section::Mutex;

static COUNT: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

board::vectors!(main, rest, vector);

fn main() {
    loop {
        board::control(critical_section::with(|section| COUNT.borrow(section).take()));
    }
}

fn rest() {}

fn vector() {
    critical_section::with(|section| {
        let count = COUNT.borrow(section);
        count.set(count.get() + board::RECEIVED.load(Relaxed));
    });
}
