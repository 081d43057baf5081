//! The interrupt data of the objects under test, and what the callbacks do with it: whatever the object is, the same.

use core::hint::black_box;

use harness::{expect, machine, mask_before, preempt};

use crate::cases::device;
use crate::cases::ledger::ledger;

pub struct Data {
    /// Which object it is of.
    object: usize,
    /// Two counts that every section and every ISR run moves, one after the other.
    first: u32,
    second: u32,
    /// A section is open, or an ISR runs.
    open: bool,
    /// The enable callback has run, and the disable callback has not.
    on: bool,
    /// How many ISR runs the work item has seen.
    processed: u32,
}

impl Data {
    pub const fn new(object: usize) -> Self {
        Self { object, first: 0, second: 0, open: false, on: false, processed: 0 }
    }

    pub fn reset(&mut self) {
        self.processed = 0;
    }

    /// What an ISR does. It may have been told of how many assertions it runs for.
    pub fn isr(&mut self, assertions: Option<u32>) {
        expect(self.on, "an ISR run before the enable callback, or after the disable callback");
        ledger(self.object).isr(assertions);
        self.section(preempt);
        if self.is_cycle() {
            device::silence();
        }
    }

    /// The object's device stays off from the ISR to the end of the work item.
    pub fn is_cycle(&self) -> bool {
        self.object == 2
    }

    /// What a section does, with `middle` in the middle of it.
    pub fn section(&mut self, middle: impl FnOnce()) {
        expect(!black_box(&*self).open, "two sections at once");
        expect(self.first == self.second, "torn data");
        black_box(&mut *self).open = true;
        black_box(&mut *self).first += 1;
        middle();
        black_box(&mut *self).second += 1;
        black_box(&mut *self).open = false;
    }

    pub fn enable(&mut self) {
        expect(!self.on, "enabled twice");
        self.on = true;
    }

    pub fn disable(&mut self) {
        expect(self.on, "disabled twice");
        self.on = false;
    }

    /// What a work item does with the lock held.
    pub fn process(&mut self) {
        self.section(|| {});
        if self.is_cycle() {
            device::take();
        }
        self.processed = ledger(self.object).runs();
    }

    /// At rest: nobody is in it, and the work item has seen every ISR run.
    pub fn check(&self) {
        expect(!self.open && self.first == self.second, "torn data at rest");
        expect(self.processed == ledger(self.object).runs(), "the work item has not seen the last ISR run");
    }
}

/// What a work item does first (rule B4).
pub fn begin_work() {
    expect(machine::mask_state() == mask_before(), "a work item runs masked");
}
