//! The closures that run under an interrupt's lock.

use std::sync::Arc;

use crate::bomb::Bomb;
use crate::ledger::{BY_CLOSURE, Token};
use crate::machine::Machine;
use crate::random::Random;
use crate::unit::Unit;
use crate::verdict;
use crate::watch;

/// Submits a closure in the order of that lane. Only one thread at a time does so for a lane.
pub fn submit(machine: &Arc<Machine>, unit: &Arc<Unit>, lane: usize, mut random: Random) {
    let number = unit.ledger.lanes[lane].submitted.get() + 1;
    let token = unit.ledger.token();
    let bomb = random.one_in(unit.kind.odd * 4).then(|| Bomb::in_closure(&unit.ledger));
    let (its_machine, its_unit) = (machine.clone(), unit.clone());
    let closure = move |data: &mut crate::object::Data| {
        let _freed: (Token, Option<Bomb>) = (token, bomb);
        watch::step("runs closure", number);
        data.touch();
        run(&its_machine, &its_unit, lane, number, &mut random);
        data.touch();
    };
    if unit.object.run_or_defer(Box::new(closure)).is_ok() {
        unit.ledger.lanes[lane].submitted.replace(number);
        unit.ledger.accepted.one();
    }
}

fn run(machine: &Arc<Machine>, unit: &Arc<Unit>, lane: usize, number: u64, random: &mut Random) {
    let ledger = &unit.ledger;
    let before = ledger.lanes[lane].run.replace(number);
    if before + 1 != number {
        let text = format!("closure {number} of submitter {lane} ran after closure {before}");
        ledger.wrong(&text, Some(&unit.object.stats()));
    }
    ledger.closures_run.one();
    if machine.is_calm() {
        return;
    }
    if lane != BY_CLOSURE && random.one_in(8) {
        submit(machine, unit, BY_CLOSURE, random.split());
        submit(machine, unit, BY_CLOSURE, random.split());
    }
    if random.one_in(unit.kind.odd) {
        machine.drop_handle(machine.slot_to_drop_in(unit.slot, random));
    }
    if random.one_in(unit.kind.odd * 4) {
        ledger.panics.one();
        verdict::panic_as_intended();
    }
}
