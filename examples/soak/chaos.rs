//! What the threads do in a round.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::Transition;

use crate::circle::{drop_while_held, nest};
use crate::closures::submit;
use crate::ledger::THREADS;
use crate::machine::Machine;
use crate::random::Random;
use crate::totals;
use crate::unit::{Unit, refused};
use crate::watch;

const ROUND: Duration = Duration::from_millis(200);

/// Lets threads do everything at once for a while, and waits for them.
pub fn round(machine: &Arc<Machine>) {
    watch::step("begins a round", 0);
    machine.set_calm(false);
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let random = watch::lock(&machine.random).split();
            let machine = machine.clone();
            watch::spawn(format!("thread {number}"), move || drive(&machine, number, random))
        })
        .collect();
    let end = Instant::now() + ROUND;
    while Instant::now() < end {
        watch::step("tends to the interrupts without a dispatcher", 0);
        machine.units().iter().for_each(|unit| unit.tend());
        thread::sleep(Duration::from_micros(100));
    }
    machine.set_calm(true);
    for (number, thread) in threads.into_iter().enumerate() {
        while !thread.is_finished() {
            watch::step("tends while it waits for thread", number as u64);
            machine.units().iter().for_each(|unit| unit.tend());
            thread::sleep(Duration::from_micros(100));
        }
        thread.join().expect("a panic would have ended the program");
    }
    // A callback that has seen the machine before it was calm still does its odd thing.
    watch::step("tends while callbacks are odd", 0);
    while Arc::strong_count(machine) != 1 {
        machine.units().iter().for_each(|unit| unit.tend());
        thread::sleep(Duration::from_micros(100));
    }
}

fn drive(machine: &Arc<Machine>, thread: usize, mut random: Random) {
    while !machine.is_calm() {
        let Some(unit) = machine.any_unit(&mut random) else { continue };
        act(machine, &unit, thread, &mut random);
    }
}

fn act(machine: &Arc<Machine>, unit: &Arc<Unit>, thread: usize, random: &mut Random) {
    let slot = unit.slot as u64;
    match random.below(100) {
        0..24 => {
            watch::step("asserts", slot);
            unit.raise();
        }
        24..32 => {
            watch::step("brings it to work", slot);
            unit.bring_up();
        }
        32..40 => {
            watch::step("synchronizes", slot);
            unit.object.section(&mut |data| data.touch());
        }
        40..45 => {
            watch::step("tries to acquire", slot);
            unit.object.try_section(&mut |data| data.touch());
        }
        45..50 => {
            watch::step("tries to acquire for a while", slot);
            let time = Duration::from_micros(random.below(100) as u64);
            let _ = unit.object.timed_section(time, &mut |data| data.touch());
        }
        50..60 => {
            watch::step("submits a closure", slot);
            submit(machine, unit, thread, random.split());
        }
        60..65 => {
            watch::step("holds the lock and does the rest", slot);
            hold(machine, unit, thread, random);
        }
        65..72 => {
            watch::step("queues the work item", slot);
            unit.ledger.note_queueing(unit.object.queue());
        }
        72..77 => {
            watch::step("disables and enables", slot);
            unit.cycle(random);
        }
        77..81 => {
            watch::step("reports inactive", slot);
            count(&unit.object.report_inactive());
            thread::yield_now();
            watch::step("reports active", slot);
            count(&unit.object.report_active());
        }
        81..84 => power(machine, random),
        84 if random.one_in(8) => {
            watch::step("drops the handle", slot);
            machine.drop_handle(unit.slot);
        }
        85 if random.one_in(64) => {
            watch::step("takes the device away", slot);
            unit.remove(random);
        }
        86 if random.one_in(32) => {
            watch::step("holds the lock while another thread drops the handle", slot);
            drop_while_held(machine, unit);
        }
        87..90 => {
            watch::step("acquires another lock inside this one", slot);
            nest(machine, unit, random);
        }
        84..87 => {
            watch::step("rebuilds", slot);
            machine.rebuild_one(random);
        }
        _ => {
            watch::step("tends", slot);
            unit.tend();
        }
    }
}

/// What may be done with the lock held.
fn hold(machine: &Arc<Machine>, unit: &Arc<Unit>, thread: usize, random: &mut Random) {
    let mut drops = random.one_in(8).then(|| machine.slot_to_drop_in(unit.slot, random));
    unit.object.section(&mut |data| {
        data.touch();
        submit(machine, unit, thread, random.split());
        unit.raise();
        unit.ledger.note_queueing(unit.object.queue());
        if unit.object.try_section(&mut |_| ()) {
            unit.ledger.wrong("the lock was acquired twice", None);
        }
        if random.one_in(4) && !refused(&unit.object.disable()) {
            // An interrupt that has ended says so instead.
            unit.ended_or_wrong("disable() with the lock held was not refused");
        }
        if let Some(slot) = drops.take() {
            machine.drop_handle(slot);
        }
        submit(machine, unit, thread, random.split());
        data.touch();
    });
}

fn power(machine: &Machine, random: &mut Random) {
    let device = machine.device();
    match random.below(8) {
        0..3 => {
            watch::step("enters D0", 0);
            refused(&device.enter_d0().map(|_| Transition::Done));
        }
        3..6 => {
            watch::step("exits D0", 0);
            count(&device.exit_d0());
        }
        6 => {
            watch::step("resets", 0);
            refused(&device.reset(|| ()).map(|()| Transition::Done));
        }
        _ => {
            watch::step("takes the callback lock", 0);
            device.synchronize(|| ());
        }
    }
}

fn count(answer: &Result<Transition, interrupt_lock::Error>) {
    if !refused(answer) && answer.is_ok() {
        totals::TRANSITIONS.one();
    }
}
