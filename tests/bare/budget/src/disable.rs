//! As `work-item`, and the interrupt is disabled at times: then the device is off.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering::Relaxed;

use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext, cortex_m::Primask};
use interrupt_lock::{Claim, WithWorkItem, Work};

struct Counter;

impl Driver for Counter {
    type Data = u32;
    type Machine = Primask;
    type WorkItem = WithWorkItem;

    fn isr(&self, count: &mut IsrContext<'_, Self>) -> Claim {
        **count += board::RECEIVED.load(Relaxed);
        count.queue_work_item();
        Claim::Claimed
    }

    fn work_item(&self, counter: &InterruptObject<Self>) -> Work {
        board::control(core::mem::take(&mut *counter.acquire_interrupt_lock()));
        Work::Done
    }

    fn on_enable(&self, _: &mut u32) -> Result<(), &'static str> {
        board::control(1);
        Ok(())
    }

    fn on_disable(&self, _: &mut u32) -> Result<(), &'static str> {
        board::control(0);
        Ok(())
    }

    fn on_queued(&self) {
        board::pend_sv();
    }
}

static COUNTER: InterruptObject<Counter> = InterruptObject::new(0, Counter);

board::vectors!(main, pend_sv, vector);

fn main() {
    loop {
        let _ = COUNTER.enable();
        let _ = COUNTER.disable();
    }
}

fn pend_sv() {
    while COUNTER.run_work_item() {}
}

fn vector() {
    let _ = COUNTER.service();
}
