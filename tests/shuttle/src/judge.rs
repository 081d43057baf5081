//! The judge of one interrupt: what the contract still says of a concurrent history.
//!
//! Operations and callbacks tell it as they begin and as they end. Its own lock is never contended, and no schedule
//! point: shuttle runs one thread at a time. So its notes are in the order in which things happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use interrupt_lock::{Claim, Error, ErrorKind, Queued, State, Stats, Transition};

/// The judge of one interrupt.
#[derive(Default)]
pub struct Judge(Mutex<Notes>);

/// What it knows.
#[derive(Default)]
pub struct Notes {
    /// Advances with each note about a closure or a disable.
    clock: u64,
    /// The enable callback has succeeded. No disable or removal callback has begun, and no fault has come.
    up: bool,
    /// A fault is known to stand: nobody has begun to clear it.
    faulted: bool,
    /// The removal callback has begun.
    removed: bool,
    /// A fault may have come that nobody noted: one of the work item, which takes effect later.
    unsure: bool,
    /// Enables that are under way, and all that have begun.
    enabling: u32,
    enables: u64,
    clearing: u32,
    activating: u32,
    activations: u64,
    /// A disable has returned, and no enable has begun since it began.
    quiet: bool,
    /// `report_inactive` has returned, and no `report_active` has begun since it began.
    idle: bool,
    /// `report_inactive` was called at some time, so assertions may be withheld.
    pub was_inactive: bool,
    in_isr: bool,
    in_work: bool,
    runs: u64,
    seen: u64,
    claimed: u64,
    unclaimed: u64,
    asserted: u64,
    accepted: u64,
    again: u64,
    work_runs: u64,
    merged: u64,
    enables_done: u64,
    enable_callbacks: u64,
    disables_done: u64,
    disable_callbacks: u64,
    in_closure: bool,
    /// Closures that have not run.
    closures: BTreeMap<u64, Submission>,
}

/// When a submission began, and when it returned.
struct Submission {
    began: u64,
    returned: Option<u64>,
}

impl Submission {
    fn returned_before(&self, moment: u64) -> bool {
        self.returned.is_some_and(|returned| returned < moment)
    }
}

/// What a disable found as it began.
pub struct Began {
    clock: u64,
    enables: u64,
    undisturbed: bool,
}

impl Judge {
    /// What it knows now.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An enable begins, or something that may enable.
    pub fn enable_begins(&self) {
        let mut notes = self.notes();
        notes.enabling += 1;
        notes.enables += 1;
        notes.quiet = false;
    }

    /// That enable has returned.
    pub fn enable_ends(&self, answer: Option<&Result<Transition, Error>>) {
        let mut notes = self.notes();
        notes.enabling -= 1;
        if let Some(Ok(Transition::Done)) = answer {
            notes.enables_done += 1;
        }
    }

    /// The enable callback begins.
    pub fn enable_callback(&self) {
        let notes = self.notes();
        assert!(!notes.quiet, "I5: an enable callback after disable() has returned, and before an enable");
        assert!(!notes.removed, "I13: an enable callback of a removed interrupt");
        assert!(!notes.faulted, "I12: an enable callback of a faulted interrupt");
        assert!(!notes.up || notes.unsure, "E3: an enable callback of an enabled interrupt");
    }

    /// The enable callback has succeeded.
    pub fn enable_succeeds(&self) {
        let mut notes = self.notes();
        notes.enable_callbacks += 1;
        notes.up = true;
    }

    /// The disable or the removal callback begins.
    pub fn down_callback(&self, is_disable: bool) {
        let mut notes = self.notes();
        assert!(notes.up || notes.unsure, "E3: a disable or removal callback of an interrupt that is not enabled");
        assert!(!notes.in_isr || !is_disable, "L3: a disable callback during an ISR");
        notes.disable_callbacks += u64::from(is_disable);
        notes.up = false;
        notes.removed |= !is_disable;
    }

    /// A disable begins.
    pub fn disable_begins(&self) -> Began {
        let mut notes = self.notes();
        notes.clock += 1;
        Began { clock: notes.clock, enables: notes.enables, undisturbed: notes.enabling == 0 }
    }

    /// That disable has returned.
    pub fn disable_ends(&self, began: &Began, answer: &Result<Transition, Error>) {
        let mut notes = self.notes();
        if let Ok(Transition::Done) = answer {
            notes.disables_done += 1;
        }
        if matches!(answer, Err(error) if matches!(error.kind(), ErrorKind::WouldDeadlock { .. })) {
            return;
        }
        let late = notes.closures.values().any(|submission| submission.returned_before(began.clock));
        assert!(!late, "E2: disable() has returned, and a closure submitted before it has not run");
        if began.undisturbed && notes.enables == began.enables {
            assert!(!notes.in_isr, "I5: an ISR runs after disable() has returned");
            assert!(!notes.in_work, "I5: the work item runs after disable() has returned {answer:?}");
            notes.quiet = true;
        }
    }

    /// `report_active` begins.
    pub fn active_begins(&self) {
        let mut notes = self.notes();
        notes.activating += 1;
        notes.activations += 1;
        notes.idle = false;
    }

    /// That `report_active` has returned.
    pub fn active_ends(&self) {
        self.notes().activating -= 1;
    }

    /// `report_inactive` begins.
    pub fn inactive_begins(&self) -> Option<u64> {
        let mut notes = self.notes();
        notes.was_inactive = true;
        (notes.activating == 0).then_some(notes.activations)
    }

    /// That `report_inactive` has succeeded.
    pub fn inactive_ends(&self, began: Option<u64>) {
        let mut notes = self.notes();
        if began == Some(notes.activations) {
            assert!(!notes.in_isr, "E8: an ISR runs after report_inactive() has returned");
            notes.idle = true;
        }
    }

    /// `clear_fault` begins.
    pub fn clear_begins(&self) {
        let mut notes = self.notes();
        notes.clearing += 1;
        notes.faulted = false;
    }

    /// That `clear_fault` has returned.
    pub fn clear_ends(&self) {
        self.notes().clearing -= 1;
    }

    /// A callback that holds the lock is about to panic, or the source to fail.
    pub fn fault_comes(&self) {
        let mut notes = self.notes();
        notes.up = false;
        notes.faulted = notes.clearing == 0;
    }

    /// The work item is about to panic.
    pub fn work_fault_comes(&self) {
        self.notes().unsure = true;
    }

    /// The device asserts.
    pub fn asserts(&self) {
        self.notes().asserted += 1;
    }

    /// The ISR begins.
    pub fn isr_begins(&self, assertions: u64) {
        let mut notes = self.notes();
        assert!(!notes.in_isr, "I2: two ISRs at once");
        assert!(!notes.quiet, "I5: an ISR after disable() has returned");
        assert!(!notes.idle, "E8: an ISR after report_inactive() has returned");
        assert!(notes.up, "I4, E2: an ISR before the enable callback, after the disable callback or after a fault");
        notes.in_isr = true;
        notes.runs += 1;
        notes.seen += assertions;
    }

    /// The ISR ends, with a claim if it does not panic.
    pub fn isr_ends(&self, claim: Option<Claim>) {
        let mut notes = self.notes();
        notes.in_isr = false;
        match claim {
            Some(Claim::Claimed | Claim::ClaimedKeepMasked) => notes.claimed += 1,
            Some(Claim::Unclaimed) => notes.unclaimed += 1,
            _ => {}
        }
    }

    /// `queue_work_item` has returned.
    pub fn queued(&self, answer: Queued) {
        self.notes().accepted += u64::from(matches!(answer, Queued::New | Queued::Merged));
    }

    /// The work item begins.
    pub fn work_begins(&self, merged: usize) {
        let mut notes = self.notes();
        assert!(!notes.in_work, "W3: two runs of the work item at once");
        assert!(!notes.quiet, "I5: the work item begins after disable() has returned");
        notes.in_work = true;
        notes.work_runs += 1;
        notes.merged += merged as u64;
    }

    /// The work item ends, and perhaps asks for another run.
    pub fn work_ends(&self, again: bool) {
        let mut notes = self.notes();
        notes.in_work = false;
        notes.again += u64::from(again);
    }

    /// A closure is about to be submitted. Returns its number.
    pub fn submits(&self) -> u64 {
        let mut notes = self.notes();
        notes.clock += 1;
        let number = notes.clock;
        notes.closures.insert(number, Submission { began: number, returned: None });
        number
    }

    /// The submission of that closure has returned.
    pub fn submitted(&self, number: u64, answer: Result<(), Error>) {
        let mut notes = self.notes();
        notes.clock += 1;
        let now = notes.clock;
        match answer {
            Ok(()) => _ = notes.closures.get_mut(&number).map(|submission| submission.returned = Some(now)),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Ended), "L12: refused with {error}");
                assert!(notes.closures.remove(&number).is_some(), "L12: a closure has run although it was refused");
            }
        }
    }

    /// A closure begins.
    pub fn closure_runs(&self, number: u64) {
        let mut notes = self.notes();
        notes.in_closure = true;
        let submission = notes.closures.remove(&number).expect("L12: a closure runs twice");
        let overtaken = notes.closures.iter().find(|(_, other)| other.returned_before(submission.began));
        assert!(overtaken.is_none(), "L12: closure {number} has overtaken {:?}", overtaken.map(|(other, _)| other));
    }

    /// That closure ends.
    pub fn closure_ends(&self) {
        self.notes().in_closure = false;
    }

    /// All threads are done and all locks free: nothing is left to anybody. Returns what is, to look again after a thread
    /// of the crate has gone on.
    pub fn left_over(&self, dropped: bool, state: State, stats: &Stats, exact: bool) -> Option<String> {
        let notes = self.notes();
        let (asserted, told) = (notes.asserted, notes.seen + stats.stale);
        if !notes.closures.is_empty() || notes.in_closure {
            Some("L12: a closure is left, and the lock has no owner".into())
        } else if dropped && state != State::Ended {
            Some("E6: the handle is dropped, and the interrupt has not ended".into())
        } else if exact && !notes.was_inactive && asserted != told {
            Some(format!("I3: of {asserted} assertions {told} have been seen or counted as stale"))
        } else {
            None
        }
    }

    /// It is disabled for the last time: the accounts are exact. `left` assertions have not been taken.
    pub fn accounts(&self, stats: &Stats, state: State, left: Option<u64>, powered: bool) {
        let notes = self.notes();
        assert!(!notes.up || notes.unsure || powered, "E6: disabled without the disable callback: {state:?}");
        if let Some(left) = left {
            assert_eq!(notes.asserted, notes.seen + stats.stale + left, "I3: assertions seen + stale + left");
        }
        assert_eq!(stats.delivered, notes.runs, "S1: delivered");
        assert_eq!(stats.claimed, notes.claimed, "S1: claimed");
        assert_eq!(stats.spurious + stats.benign, notes.unclaimed, "S1: unclaimed");
        assert_eq!(stats.work_run, notes.work_runs, "S1: runs of the work item");
        assert_eq!(stats.work_merged, notes.merged, "S1: merged");
        assert_eq!(stats.work_queued, stats.work_run, "W7: a work item is left");
        // A run that asks for another is not told whether that was accepted.
        let answered = notes.work_runs + notes.merged;
        let accepted = notes.accepted..=notes.accepted + notes.again;
        assert!(accepted.contains(&answered), "W2: {answered} queueings answered of {accepted:?}");
        if !powered {
            assert_eq!(notes.enables_done, notes.enable_callbacks, "E3: enables done, and their callbacks");
            assert!(notes.disables_done <= notes.disable_callbacks, "E3: a disable done without its callback");
        }
    }
}
