//! The accounts of one interrupt: what its driver has done to it, beside what the crate says.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use interrupt_lock::{Queued, Stats};

use crate::kind::{Kind, Source};
use crate::totals::{self, Count};
use crate::verdict;

/// Who submits closures to one interrupt, each in an order that must be kept: the threads of a round, then these.
pub const THREADS: usize = 4;
pub const BY_ISR: usize = THREADS;
pub const BY_CLOSURE: usize = THREADS + 1;
pub const BY_WORK_ITEM: usize = THREADS + 2;
const LANES: usize = THREADS + 3;

/// The closures of one submitter, numbered from 1.
#[derive(Default)]
pub struct Lane {
    pub submitted: Count,
    pub run: Count,
}

#[derive(Default)]
pub struct Ledger {
    /// Assertions that the device has made; and how many of them ISR runs were told of.
    pub raised: Count,
    pub told: Count,
    pub isr_runs: Count,
    pub claimed: Count,
    pub unclaimed: Count,
    /// Claims that the listener has heard of.
    pub heard: Count,
    pub queued: Count,
    pub merged: Count,
    pub refused: Count,
    /// Runs of the work item that asked for another.
    pub again: Count,
    pub work_runs: Count,
    pub work_merged: Count,
    /// Closures that were accepted, and have begun.
    pub accepted: Count,
    pub closures_run: Count,
    pub lanes: [Lane; LANES],
    pub panics: Count,
    /// Those of them that are of destructors which the crate calls.
    pub destructors: Count,
    /// Enable callbacks that succeeded; disable and removal callbacks that began.
    pub enables: Count,
    pub stops: Count,
    /// Callbacks and closures that were made, and that have been freed.
    pub made: Count,
    pub freed: Count,
    /// Disabled by its driver, and not enabled since: nothing may run.
    pub off: AtomicBool,
    /// An enable callback has succeeded, and no disable or removal callback has begun since.
    serving: AtomicBool,
    pub in_isr: AtomicBool,
    pub in_work_item: AtomicBool,
    name: String,
}

/// What a callback or a closure owns, so that its drop is counted.
pub struct Token(Arc<Ledger>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.freed.one();
        if self.0.freed.get() > self.0.made.get() {
            self.0.wrong("something was freed twice", None);
        }
    }
}

impl Ledger {
    pub fn new(name: String) -> Arc<Self> {
        Arc::new(Self { name, ..Self::default() })
    }

    pub fn token(self: &Arc<Self>) -> Token {
        self.made.one();
        Token(self.clone())
    }

    pub fn set_off(&self, off: bool) {
        // SeqCst: read by callbacks, which the transition beside this orders anyway.
        self.off.store(off, SeqCst);
    }

    /// A callback begins that may not run while the interrupt is disabled.
    pub fn must_be_on(&self, callback: &str) {
        // SeqCst: pairs with `set_off`, whose caller knows that nothing runs.
        if self.off.load(SeqCst) {
            self.wrong(&format!("{callback} runs after disable() has returned"), None);
        }
    }

    /// The enable callback succeeds: from now on the ISR may run.
    pub fn begin_service(&self) {
        self.enables.one();
        // SeqCst: used with the interrupt lock held only, which orders it anyway.
        self.serving.store(true, SeqCst);
    }

    /// The disable or removal callback begins: from now on the ISR may not run. After a fault neither runs.
    pub fn end_service(&self, callback: &str) {
        self.must_be_on(callback);
        self.stops.one();
        // SeqCst: see `begin_service`.
        if !self.serving.swap(false, SeqCst) {
            self.wrong(&format!("{callback} runs without an enable callback before it"), None);
        }
    }

    /// An ISR run begins.
    pub fn must_serve(&self) {
        // SeqCst: see `begin_service`.
        if !self.serving.load(SeqCst) {
            self.wrong("an ISR run begins before the enable callback has succeeded, or after it is undone", None);
        }
    }

    /// A callback begins that never overlaps itself.
    pub fn enter(&self, inside: &AtomicBool, callback: &str) {
        // SeqCst: pairs with the store in `leave`; if runs don't overlap, something orders them.
        if inside.swap(true, SeqCst) {
            self.wrong(&format!("two runs of {callback} overlap"), None);
        }
    }

    pub fn leave(&self, inside: &AtomicBool) {
        // SeqCst: see `enter`.
        inside.store(false, SeqCst);
    }

    pub fn note_queueing(&self, answer: Option<Queued>) {
        match answer {
            None => {}
            Some(Queued::New) => self.queued.one(),
            Some(Queued::Merged) => self.merged.one(),
            Some(_) => self.refused.one(),
        }
    }

    /// Compares everything that is exact once nothing runs.
    pub fn check(&self, kind: &Kind, stats: &Stats) {
        let exact: &[(&str, u64, u64)] = &[
            ("ISR runs", self.isr_runs.get(), stats.delivered),
            ("claimed ISR runs", self.claimed.get(), stats.claimed),
            ("unclaimed ISR runs", self.unclaimed.get(), stats.spurious + stats.benign),
            ("coalesced assertions", self.told.get() - self.isr_runs.get(), stats.coalesced),
            ("runs of the work item", self.work_runs.get(), stats.work_run),
            ("queueings without merged ones", stats.work_queued, stats.work_run),
            ("merged queueings", self.work_merged.get(), stats.work_merged),
            ("closures run", self.closures_run.get(), self.accepted.get()),
        ];
        for (what, one, other) in exact {
            if one != other {
                self.wrong(&format!("{what}: {one} is not {other}"), Some(stats));
            }
        }
        self.check_work(stats);
        // Each enable is undone by one callback, or by a fault.
        let (enables, stops) = (self.enables.get(), self.stops.get());
        if !(stops..=stops + stats.faults).contains(&enables) {
            self.wrong("an enable callback was not undone by exactly one disable or removal callback", Some(stats));
        }
        // A storm on a shared line is a fault, too.
        let panics = self.panics.get();
        if stats.faults < panics || (stats.faults != panics && kind.source != Source::Member) {
            self.wrong(&format!("faults: {} for {panics} panics", stats.faults), Some(stats));
        }
    }

    /// Each queueing that was accepted is a run, or merged into one. Runs that asked for another may add as many.
    fn check_work(&self, stats: &Stats) {
        let (queued, again) = (self.queued.get(), self.again.get());
        let (runs, all) = (self.work_runs.get(), self.work_runs.get() + self.work_merged.get());
        let queueings = queued + self.merged.get();
        if !(queued..=queued + again).contains(&runs) || !(queueings..=queueings + again).contains(&all) {
            self.wrong("a queueing of the work item is lost, or ran twice", Some(stats));
        }
    }

    /// Compares the assertions: all of them, or of one that has ended in the middle, not too many.
    pub fn check_assertions(&self, kind: &Kind, stats: &Stats, has_ended: bool) {
        let (raised, known) = (self.raised.get(), self.told.get() + stats.stale);
        if kind.counts() && (known > raised || (known != raised && !has_ended)) {
            self.wrong(&format!("{raised} assertions, and {known} told or stale"), Some(stats));
        }
    }

    /// Ends the program, with these accounts.
    pub fn wrong(&self, what: &str, stats: Option<&Stats>) -> ! {
        verdict::wrong(self.text(what, stats))
    }

    /// The accounts, for a reader.
    pub fn text(&self, what: &str, stats: Option<&Stats>) -> String {
        let mut text = format!("{}: {what}\n", self.name);
        for (name, count) in [
            ("raised", &self.raised),
            ("told", &self.told),
            ("ISR runs", &self.isr_runs),
            ("claimed", &self.claimed),
            ("unclaimed", &self.unclaimed),
            ("heard", &self.heard),
            ("queued", &self.queued),
            ("merged", &self.merged),
            ("refused", &self.refused),
            ("again", &self.again),
            ("work item runs", &self.work_runs),
            ("merged into them", &self.work_merged),
            ("closures accepted", &self.accepted),
            ("closures run", &self.closures_run),
            ("panics", &self.panics),
            ("of destructors", &self.destructors),
            ("enables", &self.enables),
            ("stops", &self.stops),
            ("made", &self.made),
            ("freed", &self.freed),
        ] {
            // Writing to a string can't fail.
            let _ = write!(text, "{name} {}, ", count.get());
        }
        if let Some(stats) = stats {
            let _ = write!(text, "\n{stats:?}");
        }
        text
    }

    /// Adds what is known at the end to the totals.
    pub fn close(&self) {
        totals::INTERRUPTS.one();
        totals::ASSERTIONS.add(self.raised.get());
        totals::TOLD.add(self.told.get());
        totals::ISR_RUNS.add(self.isr_runs.get());
        totals::WORK_ITEMS.add(self.work_runs.get());
        totals::CLOSURES.add(self.closures_run.get());
        totals::FAULTS.add(self.panics.get());
    }
}
