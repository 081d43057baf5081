//! Runs a program once, under the schedule that shuttle chooses.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use interrupt_lock::{ErrorKind, State, Transition};
use loom::thread;

use crate::machine::{CALLBACKS, Machine, Unit};
use crate::program::{Act, From, Op, Program, Scenario};

/// Runs `program`, and panics if the contract is broken.
pub fn run(scenario: &Scenario, program: &Program) {
    let machine = Machine::build(scenario, program);
    for (index, script) in program.scripts.iter().enumerate() {
        if script.enabled {
            operate(&machine, index, Op::Enable);
        }
    }
    let threads: Vec<_> = program
        .threads
        .iter()
        .map(|ops| {
            let (machine, ops) = (machine.clone(), ops.clone());
            thread::spawn(move || ops.into_iter().for_each(|(index, op)| operate(&machine, index, op)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for unit in &machine.units {
        let dropped = unit.handle.lock().unwrap().is_none();
        // (After the end of an interrupt with a shared lock nobody counts what is left to the owner.)
        let exact = scenario.from == From::Nowhere && !scenario.device && !(scenario.shares_lock && dropped);
        let left = || unit.judge.left_over(dropped, unit.object.state(), &unit.object.stats(), exact);
        settle(|| left().is_none());
        left().inspect(|left| panic!("{left}"));
        if let Some(wire) = unit.wire.as_ref().filter(|_| unit.object.state() == State::Enabled) {
            assert_eq!(wire.left(), 0, "I3: an assertion has been left on the wire");
        }
    }
    line_is_served(&machine);
    finish(machine, scenario);
}

/// Lets a thread of the crate that ends an interrupt go on, until `settled`, but not for ever.
fn settle(settled: impl Fn() -> bool) {
    for _ in 0..1000 {
        if settled() {
            return;
        }
        thread::yield_now();
    }
}

/// Every enabled member that asserts a shared line is served, whatever the others are.
fn line_is_served(machine: &Arc<Machine>) {
    let Some(devices) = &machine.devices else { return };
    for index in 0..machine.units.len() {
        while machine.units[index].object.run_work_item() {}
        devices.assert(index);
    }
    for _ in 0..2 * machine.units.len() + 2 {
        machine.units.iter().for_each(|unit| _ = unit.object.service());
        machine.units.iter().for_each(|unit| while unit.object.run_work_item() {});
        machine.units.iter().for_each(|unit| unit.object.unmask());
    }
    for (index, unit) in machine.units.iter().enumerate() {
        let served = unit.object.state() != State::Enabled || !devices.asserts(index);
        let states: Vec<_> = machine.units.iter().map(|unit| unit.object.state()).collect();
        assert!(served, "I7: member {index} asserts and is not served: {states:?}");
    }
}

/// Brings everything to rest, compares the accounts, and ends every interrupt.
fn finish(machine: Arc<Machine>, scenario: &Scenario) {
    for (index, unit) in machine.units.iter().enumerate() {
        for op in [Op::Clear, Op::Active, Op::Enable, Op::Assert, Op::Queue, Op::Work, Op::Work, Op::Disable] {
            operate(&machine, index, op);
        }
        while unit.object.run_work_item() {}
    }
    // The callbacks of one may have enabled another again. Their scripts end.
    for _ in 0..4 * usize::from(scenario.circles) {
        (0..machine.units.len()).for_each(|index| machine.disable(index));
    }
    let _ = machine.device.as_ref().map(|device| device.exit_d0());
    for (index, unit) in machine.units.iter().enumerate() {
        if unit.object.state() == State::Inactive {
            operate(&machine, index, Op::Active);
        }
        let left = match (scenario.from, &unit.wire) {
            (From::Line, _) => None,
            _ if scenario.shares_lock && unit.handle.lock().unwrap().is_none() => None,
            (_, wire) => Some(wire.as_ref().map_or(0, |wire| wire.left())),
        };
        unit.judge.accounts(&unit.object.stats(), unit.object.state(), left, scenario.device);
        machine.drop_handle(index);
        settle(|| unit.object.state() == State::Ended && unit.freed.load(Relaxed) == CALLBACKS);
        assert_eq!(unit.object.state(), State::Ended, "E6: not ended after the drop of the handle");
        assert_eq!(unit.freed.load(Relaxed), CALLBACKS, "E6: callbacks freed");
    }
    let (freed, made) = (machine.data_freed.clone(), machine.data_made);
    assert_eq!(Arc::strong_count(&machine), 1, "L12: a closure is kept");
    drop(machine);
    settle(|| freed.load(Relaxed) == made);
    assert_eq!(freed.load(Relaxed), made, "E6: data freed");
}

/// Does one operation of a thread that holds nothing.
fn operate(machine: &Arc<Machine>, index: usize, op: Op) {
    let unit = &machine.units[index];
    let (object, judge) = (&unit.object, &unit.judge);
    match op {
        Op::Enable => machine.enable(index),
        Op::Disable => machine.disable(index),
        Op::Assert => machine.assert(index),
        Op::Service => {
            if machine.devices.is_none() && unit.wire.is_none() {
                judge.asserts();
            }
            object.service();
        }
        Op::ServiceRemoval => object.service_removal(),
        Op::Queue => judge.queued(object.queue_work_item()),
        Op::Work => _ = object.run_work_item(),
        Op::Hold(act) => hold(machine, index, act),
        Op::Try(act) => {
            if let Some(mut data) = object.try_acquire_interrupt_lock() {
                data.section(|| machine.act(index, act));
            }
        }
        Op::Submit(act) => machine.submit(index, act),
        Op::Inactive => {
            let began = judge.inactive_begins();
            let answer = object.report_inactive();
            if answer.is_ok() {
                judge.inactive_ends(began);
            }
            machine.never_refused(answer);
        }
        Op::Active => {
            judge.active_begins();
            let answer = object.report_active();
            judge.active_ends();
            machine.never_refused(answer);
        }
        Op::Clear => {
            judge.clear_begins();
            let answer = object.clear_fault();
            judge.clear_ends();
            assert!(answer.is_ok(), "E4: {answer:?}");
        }
        Op::Unmask => object.unmask(),
        Op::Drop => machine.drop_handle(index),
        Op::EnterD0 | Op::ExitD0 => power(machine, op),
        Op::Synchronize(act) => synchronize(machine, unit, index, act),
    }
}

fn hold(machine: &Arc<Machine>, index: usize, act: Act) {
    let object = &machine.units[index].object;
    let mut data = object.acquire_interrupt_lock();
    let twice = object.try_acquire_interrupt_lock_for(Duration::from_secs(1)).map(drop);
    assert!(matches!(twice.unwrap_err().kind(), ErrorKind::Recursive { .. }), "L4: not refused");
    data.section(|| machine.act(index, act));
}

fn power(machine: &Machine, op: Op) {
    let Some(device) = &machine.device else { return };
    machine.units.iter().for_each(|unit| unit.judge.enable_begins());
    let error = if op == Op::EnterD0 { device.enter_d0().err() } else { device.exit_d0().err() };
    machine.units.iter().for_each(|unit| unit.judge.enable_ends(None));
    machine.never_refused(error.map_or(Ok(Transition::Done), Err));
}

fn synchronize(machine: &Arc<Machine>, unit: &Unit, index: usize, act: Act) {
    let Some(device) = &machine.device else { return };
    // Without serialization a transition may wait there: it is no section of this interrupt.
    let act = if unit.serialized || !matches!(act, Act::Refused | Act::Drop) { act } else { Act::Nothing };
    device.synchronize(|| machine.with_callback_lock(|| machine.act(index, act)));
}
