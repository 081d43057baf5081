use core::cell::Cell;
use core::mem;

use critical_section::Mutex;
use interrupt_lock::single_core::cortex_m::Primask;
use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
use interrupt_lock::{Claim, NoWorkItem};

/// The pulses that have been collected. The whole program shares them.
pub static TOTAL: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

/// The pulses that have come since then. The ISR counts them.
pub static PULSES: InterruptObject<Pulses> = InterruptObject::new(0, Pulses);

pub struct Pulses;

impl Driver for Pulses {
    type Data = u32;
    type Machine = Primask;
    type WorkItem = NoWorkItem;

    fn isr(&self, pulses: &mut IsrContext<'_, Self>) -> Claim {
        **pulses += 1;
        Claim::Claimed
    }
}

/// Moves the pulses to the total. No code sees them in neither of them, or in both.
pub fn collect() {
    PULSES.synchronize(|pulses| {
        critical_section::with(|section| {
            let total = TOTAL.borrow(section);
            total.set(total.get() + mem::take(pulses));
        });
    });
}

/// Returns all pulses. The other way round is as good.
pub fn seen() -> u32 {
    critical_section::with(|section| PULSES.synchronize(|pulses| TOTAL.borrow(section).get() + *pulses))
}
