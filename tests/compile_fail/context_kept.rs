use std::sync::mpsc;

use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let (keep, _kept) = mpsc::channel();
    let interrupt = Interrupt::builder(0)
        .isr(move |cx| {
            keep.send(cx).unwrap();
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
}
