use std::sync::mpsc;

use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let (keep, _kept) = mpsc::channel();
    let interrupt = Interrupt::builder(String::from("status"))
        .isr(move |cx| {
            keep.send(cx.as_str()).unwrap();
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
}
