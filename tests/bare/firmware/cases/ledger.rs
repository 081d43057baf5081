//! What has happened to an object in this shot. Each count has one writer, or is written with the object's lock held.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::expect;

/// Who calls `service()`: each writes a count of its own, because a vector may preempt the other in its addition.
#[derive(Clone, Copy)]
pub enum Caller {
    Thread,
    First,
    Second,
}

#[derive(Default)]
pub struct Ledger {
    calls: [AtomicU32; 3],
    /// How many calls there had been as the last ISR run began.
    seen: AtomicU32,
    runs: AtomicU32,
    /// How many calls the ISR was told of.
    served: AtomicU32,
    /// The ISR is not told of a number.
    untold: AtomicU32,
    /// What the object had counted as stale before the shot.
    stale_before: AtomicU32,
}

static LEDGERS: [Ledger; 3] = [const { Ledger::new() }; 3];

pub fn ledger(object: usize) -> &'static Ledger {
    &LEDGERS[object]
}

fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Relaxed) + more, Relaxed);
}

impl Ledger {
    const fn new() -> Self {
        Self {
            calls: [const { AtomicU32::new(0) }; 3],
            seen: AtomicU32::new(0),
            runs: AtomicU32::new(0),
            served: AtomicU32::new(0),
            untold: AtomicU32::new(0),
            stale_before: AtomicU32::new(0),
        }
    }

    pub fn reset(&self, stale: Option<u32>) {
        for count in self.calls.iter().chain([&self.seen, &self.runs, &self.served, &self.untold]) {
            count.store(0, Relaxed);
        }
        self.stale_before.store(stale.unwrap_or(0), Relaxed);
    }

    pub fn call(&self, caller: Caller) {
        add(&self.calls[caller as usize], 1);
    }

    pub fn isr(&self, assertions: Option<u32>) {
        self.seen.store(self.calls(), Relaxed);
        add(&self.runs, 1);
        match assertions {
            Some(assertions) => add(&self.served, assertions),
            None => self.untold.store(1, Relaxed),
        }
    }

    pub fn calls(&self) -> u32 {
        self.calls.iter().map(|count| count.load(Relaxed)).sum()
    }

    pub fn runs(&self) -> u32 {
        self.runs.load(Relaxed)
    }

    /// After a shot during which the interrupt was in service: nothing is lost, nothing is served twice.
    pub fn check_served(&self) {
        expect(self.seen.load(Relaxed) == self.calls(), "no ISR run has followed the last service()");
        expect(self.runs() <= self.calls(), "more ISR runs than calls of service()");
        let told = self.untold.load(Relaxed) == 0;
        expect(
            !told || self.served.load(Relaxed) == self.calls(),
            "the ISR was told of other than all calls of service()",
        );
    }

    /// After a shot during which it went out of service, or came into it: what was not served is counted as stale, if the
    /// object counts.
    pub fn check_accounted(&self, stale: Option<u32>) {
        expect(self.runs() <= self.calls(), "more ISR runs than calls of service()");
        let Some(stale) = stale else { return };
        let stale = stale - self.stale_before.load(Relaxed);
        expect(self.served.load(Relaxed) + stale == self.calls(), "a call of service() is neither served nor stale");
    }
}
