//! The quiet moment after a round: everything is brought back to work, and the accounts are compared.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use interrupt_lock::{Callback, Error, Fault, State};

use crate::kind::{Served, Source};
use crate::line;
use crate::machine::Machine;
use crate::removal::Way;
use crate::unit::Unit;
use crate::verdict;
use crate::watch::{self, lock};

/// So many assertions must come through while everything is enabled.
const PROBES: u64 = 3;

/// Checks a machine whose threads have been stopped. Its interrupts are disabled then.
pub fn check(machine: &Arc<Machine>) -> Result<(), Error> {
    machine.units().iter().for_each(|unit| let_go(machine, unit));
    retire(machine, machine.take_retired());
    let is_over = |unit: &Unit| unit.is_settled() || unit.object.state() == State::Ended;
    bring_all_up(machine)?.iter().for_each(|unit| unit.wait("settles", machine, is_over));
    // A callback that was on its way may have disabled another interrupt since, or dropped its handle.
    let units = bring_all_up(machine)?;
    units.iter().for_each(|unit| probe(machine, unit, "is told of each assertion"));
    line::probe_without_each(machine, &units);
    wake(machine, &units);
    units.iter().for_each(|unit| account(machine, unit));
    Ok(())
}

/// If its device goes away, waits until it is removed, and drops its handle.
fn let_go(machine: &Machine, unit: &Arc<Unit>) {
    let Some(way) = unit.removal.way() else { return };
    unit.wait("is removed", machine, |unit| {
        let gone = matches!(unit.object.state(), State::Removed | State::Ended);
        if !gone {
            let _ = unit.object.clear_fault();
            let _ = unit.object.report_active();
            let _ = machine.device().enter_d0();
            unit.enable();
            // Nothing tells but the ISR, which has to run.
            if way == Way::Silent {
                unit.raise();
            }
        }
        gone
    });
    unit.must_stay_removed();
    watch::step("drops the handle of a removed interrupt, of", unit.slot as u64);
    machine.end(unit.slot);
}

/// Ends a quiet machine, and everything of it.
pub fn take_down(machine: Arc<Machine>) {
    for slot in 0..machine.slots() {
        watch::step("drops the last handle of", slot as u64);
        machine.end(slot);
    }
    retire(&machine, machine.take_units());
    watch::step("drops the machine", 0);
}

/// Builds anew what has ended, and enables everything. Returns all interrupts.
fn bring_all_up(machine: &Arc<Machine>) -> Result<Vec<Arc<Unit>>, Error> {
    loop {
        (0..machine.slots()).try_for_each(|slot| machine.rebuild(slot).map(drop))?;
        // Those whose places were free.
        retire(machine, machine.take_retired());
        let units = machine.units();
        if try_bring_up(machine, &units) {
            return Ok(units);
        }
        thread::sleep(Duration::from_micros(100));
    }
}

/// Enables everything.
pub fn bring_up(machine: &Machine, units: &[Arc<Unit>]) {
    if !try_bring_up(machine, units) {
        verdict::wrong("an interrupt has ended in a quiet moment");
    }
}

/// Enables everything. Returns `false` if one has ended.
fn try_bring_up(machine: &Machine, units: &[Arc<Unit>]) -> bool {
    watch::step("enables everything", 0);
    let up = |unit: &Arc<Unit>| {
        let _ = unit.object.clear_fault();
        let _ = unit.object.report_active();
        if unit.object.state() != State::Enabled {
            unit.enable();
        }
        unit.tend();
        unit.object.state() == State::Enabled
    };
    loop {
        units.iter().for_each(|unit| _ = up(unit));
        let in_d0 = machine.device().enter_d0().is_ok();
        if in_d0 && units.iter().all(up) {
            return true;
        }
        if units.iter().any(|unit| unit.object.state() == State::Ended) {
            return false;
        }
        thread::sleep(Duration::from_micros(100));
    }
}

impl Unit {
    /// Waits until `done`. If that never comes, the watchdog tells.
    pub fn wait(self: &Arc<Self>, what: &'static str, machine: &Machine, done: impl Fn(&Self) -> bool) {
        watch::step(what, self.slot as u64);
        let (unit, all) = (self.clone(), machine.units());
        watch::explain(Some(Box::new(move || {
            let states = all.iter().map(|unit| format!("\n  {}: {:?}", unit.name, unit.object.state()));
            unit.text(what) + &states.collect::<String>()
        })));
        while !done(self) {
            machine.units().iter().for_each(|unit| unit.tend());
            thread::sleep(Duration::from_micros(50));
        }
        watch::explain(None);
    }

    fn text(&self, what: &str) -> String {
        let what = format!("{what}: {:?}, its device asks for {}", self.object.state(), self.outstanding());
        self.ledger.text(&what, Some(&self.object.stats()))
    }

    /// No run of its ISR, of its work item or of a closure is to come.
    pub fn is_settled(&self) -> bool {
        let (stats, ledger) = (self.object.stats(), &self.ledger);
        // An edge may have gone stale: then no ISR has dealt with it.
        (!self.kind.holds() || self.outstanding() == 0)
            && stats.work_queued == stats.work_run
            && ledger.closures_run.get() == ledger.accepted.get()
            && (!self.kind.listened || ledger.heard.get() == stats.claimed)
    }
}

/// What is asserted now reaches the ISR.
pub fn probe(machine: &Machine, unit: &Arc<Unit>, what: &'static str) {
    let told_before = unit.ledger.told.get();
    (0..PROBES).for_each(|_| unit.raise());
    told(machine, unit, what, told_before + PROBES);
}

/// Waits until the ISR has been told so often.
pub fn told(machine: &Machine, unit: &Arc<Unit>, what: &'static str, told: u64) {
    unit.wait(what, machine, |unit| {
        unit.is_settled() && unit.outstanding() == 0 && (!unit.kind.counts() || unit.ledger.told.get() >= told)
    });
}

/// What is asserted in low power brings the device to D0, and then reaches the ISR.
fn wake(machine: &Machine, units: &[Arc<Unit>]) {
    for unit in units.iter().filter(|unit| unit.kind.wakes && unit.kind.served != Served::ByHand) {
        watch::step("leaves D0 to be woken by", unit.slot as u64);
        let _ = machine.device().exit_d0();
        if unit.object.state() == State::Asleep && unit.kind.source != Source::Calls {
            unit.raise();
            // A device's callback may fail: then it stays asleep, until it enters D0 otherwise.
            unit.wait("wakes its device", machine, |unit| unit.is_settled() || machine.device().wake_error().is_some());
        }
        bring_up(machine, units);
        unit.wait("is awake", machine, |unit| unit.is_settled());
    }
}

/// Disables it, and compares its accounts.
fn account(machine: &Machine, unit: &Arc<Unit>) {
    // Twice: the source tells only then of what came while it was disabled.
    for _ in 0..2 {
        watch::step("disables to compare the accounts of", unit.slot as u64);
        while !unit.disable() {
            thread::sleep(Duration::from_micros(100));
        }
        if !unit.kind.holds() {
            unit.raise();
        }
        unit.enable();
    }
    unit.wait("settles at the end", machine, |unit| unit.is_settled());
    while !unit.disable() {
        thread::sleep(Duration::from_micros(100));
    }
    let stats = unit.object.stats();
    unit.ledger.check(&unit.kind, &stats);
    unit.ledger.check_assertions(&unit.kind, &stats, false);
}

/// Checks interrupts whose handles have been dropped, and that all of them is freed.
fn retire(machine: &Machine, units: Vec<Arc<Unit>>) {
    for unit in units {
        unit.wait("ends", machine, |unit| {
            let ledger = &unit.ledger;
            // What its callbacks own is freed after it has ended, and each panic of that is noted then.
            unit.object.state() == State::Ended
                && ledger.freed.get() == ledger.made.get()
                && unit.object.stats().faults >= ledger.panics.get()
        });
        if let Some(listener) = lock(&unit.listener).take() {
            watch::step("joins the listener of", unit.slot as u64);
            listener.join().expect("a panic would have ended the program");
        }
        check_destructors(&unit);
        let stats = unit.object.stats();
        if unit.kind.listened && unit.ledger.heard.get() != stats.claimed {
            unit.ledger.wrong("the listener has not heard of each claim", Some(&stats));
        }
        unit.ledger.check(&unit.kind, &stats);
        unit.ledger.check_assertions(&unit.kind, &stats, true);
        unit.ledger.close();
    }
}

/// The faults of an interrupt whose only panics were those of destructors say so.
fn check_destructors(unit: &Unit) {
    let (ledger, stats) = (&unit.ledger, unit.object.stats());
    if ledger.destructors.get() != stats.faults {
        return;
    }
    match unit.object.fault() {
        None | Some(Fault::Panicked { callback: Callback::Destructor, .. }) => {}
        Some(fault) => ledger.wrong(&format!("a destructor panicked, and the fault is: {fault}"), Some(&stats)),
    }
}
