//! The interrupt data of the objects under test, and what the callbacks do with it.

use core::hint::black_box;

use harness::{expect, machine, mask_before, preempt};

use crate::cases::device;
use crate::cases::ledger::ledger;

/// The interrupt data of an object under test. The object's callbacks call its methods, with the lock held.
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
}

impl Data {
    /// The data of object 0 (`a`), 1 (`b`) or 2 (`cycle`).
    pub const fn new(object: usize) -> Self {
        Self { object, first: 0, second: 0, open: false, on: false }
    }

    /// What an ISR does first. `assertions`: as many as the object tells of, if it tells. Afterwards it queues the work item, and claims;
    /// [if the object is `cycle`](Self::is_cycle), it keeps its device masked.
    pub fn isr(&mut self, assertions: Option<u32>) {
        expect(self.on, "an ISR run before the enable callback, or after the disable callback");
        ledger(self.object).isr(assertions);
        self.section(preempt);
        if self.is_cycle() {
            device::silence();
        } else {
            device::release_line();
        }
    }

    /// Whether the object's device stays off from the ISR to the end of the work item.
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

    /// What an enable callback does.
    pub fn enable(&mut self) {
        expect(!self.on, "enabled twice");
        self.on = true;
    }

    /// What a disable callback does.
    pub fn disable(&mut self) {
        expect(self.on, "disabled twice");
        self.on = false;
    }

    /// What the unmask callback of `cycle` does. Returns whether the work item has to run again.
    pub fn unmask(&mut self) -> bool {
        self.section(|| {});
        device::look_again()
    }

    /// What a work item does with the lock held, after it has called [`begin_work`].
    pub fn process(&mut self) {
        self.section(|| {});
        if self.is_cycle() {
            device::take();
        }
        ledger(self.object).work();
    }

    /// At rest.
    pub(super) fn check(&mut self) {
        expect(!self.open && self.first == self.second, "torn data at rest");
    }
}

/// What a work item does first: it looks whether it is masked (rule B4).
pub fn begin_work() {
    expect(machine::mask_state() == mask_before(), "a work item runs masked");
}
