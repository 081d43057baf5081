//! An ISR that counts, and a section that takes the count.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering::Relaxed;

use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext, Plain, cortex_m::Primask};
use interrupt_lock::{Claim, NoWorkItem};

struct Counter;

impl Driver for Counter {
    type Data = u32;
    type Machine = Primask;
    type WorkItem = NoWorkItem;

    fn isr(&self, count: &mut IsrContext<'_, Self>) -> Claim {
        **count += board::RECEIVED.load(Relaxed);
        Claim::Claimed
    }
}

// The state takes four bytes, and the callbacks none.
const _: () = assert!(size_of::<InterruptObject<Counter>>() == 8);
// Plain functions take a reference.
const _: () = assert!(size_of::<InterruptObject<Plain<u32, Primask>>>() == 12);

static COUNTER: InterruptObject<Counter> = InterruptObject::new(0, Counter);

board::vectors!(main, rest, vector);

fn main() {
    let _ = COUNTER.enable();
    loop {
        board::control(core::mem::take(&mut *COUNTER.acquire_interrupt_lock()));
    }
}

fn rest() {}

fn vector() {
    let _ = COUNTER.service();
}
