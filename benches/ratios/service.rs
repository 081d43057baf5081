//! A delivery on its own: no source, no thread.

use std::hint::black_box;

use interrupt_lock::{Claim, Interrupt, InterruptLock};

use crate::table::{Figures, Table, per_round};

/// A delivery to an empty ISR, compared with an empty section of the lock: the least that a delivery has to do.
pub fn measure(table: &mut Table) {
    const TURNS: usize = 300;
    const ROUNDS: u32 = 10_000;
    let name = "service(), empty ISR / our uncontended lock";
    if !table.wants(name) {
        return;
    }
    let interrupt = Interrupt::builder(0u64).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.enable().unwrap();
    let lock = InterruptLock::new(0u64);
    let service = || {
        per_round(ROUNDS, || {
            black_box(black_box(&interrupt).service());
        })
    };
    let section = || per_round(ROUNDS, || *black_box(&lock).acquire_interrupt_lock() += 1);
    table.line(name, &Figures::in_turns(TURNS, service, section, None));
}
