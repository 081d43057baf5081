//! What has happened to an object in this shot. Each count has one writer, or is written with the object's lock held.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use harness::expect;

/// The code that does something to an object. Each writes counts of its own, because a vector may preempt another's addition.
#[derive(Clone, Copy)]
pub enum Caller {
    /// The operation under test.
    Thread,
    /// The first vector.
    First,
    /// The second vector.
    Second,
}

/// A count that all callers move.
struct Sum([AtomicU32; 3]);

impl Sum {
    const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; 3])
    }

    fn add(&self, caller: Caller) {
        add(&self.0[caller as usize], 1);
    }

    fn get(&self) -> u32 {
        self.0.iter().map(|count| count.load(Relaxed)).sum()
    }

    fn reset(&self) {
        for count in &self.0 {
            count.store(0, Relaxed);
        }
    }
}

fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Relaxed) + more, Relaxed);
}

pub(super) struct Ledger {
    /// Calls of `service()`.
    calls: Sum,
    /// How many of them had begun as the last ISR run began.
    seen: AtomicU32,
    /// How many of them the ISR was told of.
    told: AtomicU32,
    /// The object tells its ISR of no count.
    untold: AtomicU32,
    runs: AtomicU32,
    /// Queueings from outside of the ISR.
    requests: Sum,
    /// How many of them, and of the ISR runs, had been as the work item ran last.
    requests_handled: AtomicU32,
    runs_handled: AtomicU32,
    /// What the object had counted as stale before the shot.
    stale_before: AtomicU32,
}

static LEDGERS: [Ledger; 3] = [const { Ledger::new() }; 3];

pub(super) fn ledger(object: usize) -> &'static Ledger {
    &LEDGERS[object]
}

impl Ledger {
    const fn new() -> Self {
        Self {
            calls: Sum::new(),
            seen: AtomicU32::new(0),
            told: AtomicU32::new(0),
            untold: AtomicU32::new(0),
            runs: AtomicU32::new(0),
            requests: Sum::new(),
            requests_handled: AtomicU32::new(0),
            runs_handled: AtomicU32::new(0),
            stale_before: AtomicU32::new(0),
        }
    }

    pub(super) fn reset(&self, stale: Option<u32>) {
        self.calls.reset();
        self.requests.reset();
        for count in [&self.seen, &self.told, &self.untold, &self.runs, &self.requests_handled, &self.runs_handled] {
            count.store(0, Relaxed);
        }
        self.stale_before.store(stale.unwrap_or(0), Relaxed);
    }

    pub(super) fn call(&self, caller: Caller) {
        self.calls.add(caller);
    }

    pub(super) fn request(&self, caller: Caller) {
        self.requests.add(caller);
    }

    pub(super) fn isr(&self, assertions: Option<u32>) {
        self.seen.store(self.calls.get(), Relaxed);
        match assertions {
            Some(assertions) => add(&self.told, assertions),
            None => self.untold.store(1, Relaxed),
        }
        add(&self.runs, 1);
    }

    pub(super) fn work(&self) {
        self.requests_handled.store(self.requests.get(), Relaxed);
        self.runs_handled.store(self.runs.load(Relaxed), Relaxed);
    }

    pub(super) fn runs(&self) -> u32 {
        self.runs.load(Relaxed)
    }

    /// After a shot during which the interrupt was in service: nothing is lost, nothing is served twice.
    pub(super) fn check_served(&self) {
        expect(self.seen.load(Relaxed) == self.calls.get(), "no ISR run has followed the last service()");
        expect(self.runs() <= self.calls.get(), "more ISR runs than calls of service()");
        let told = self.told.load(Relaxed) == self.calls.get();
        expect(told || self.untold.load(Relaxed) != 0, "the ISR was told of other than all calls of service()");
    }

    /// After a shot during which it went out of service, or came into it: what was not served is stale, if the object counts.
    pub(super) fn check_accounted(&self, stale: Option<u32>) {
        expect(self.runs() <= self.calls.get(), "more ISR runs than calls of service()");
        let Some(stale) = stale else { return };
        let known = self.told.load(Relaxed) + stale - self.stale_before.load(Relaxed);
        expect(known == self.calls.get(), "a call of service() is neither served nor stale");
    }

    /// After the work item has run: it has run since the last ISR run, and since the last queueing.
    pub(super) fn check_worked(&self) {
        expect(self.runs_handled.load(Relaxed) == self.runs(), "the work item has not seen the last ISR run");
        let handled = self.requests_handled.load(Relaxed);
        expect(handled == self.requests.get(), "the work item has not run since it was queued last");
    }
}
