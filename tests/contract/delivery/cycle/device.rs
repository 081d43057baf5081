//! A device that completes requests in the worst moments, and its driver: interrupts are off while there is work.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use interrupt_lock::source::{EdgeHandle, LevelHandle, Software};
use interrupt_lock::{Claim, Delivery, Dispatcher, Interrupt, IsrContext, WithWorkItem, Work};

/// How the device reaches its interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    Message,
    Line,
    /// No source: a vector calls `service`.
    Vector,
}

impl Wiring {
    pub const ALL: [Self; 3] = [Self::Message, Self::Line, Self::Vector];
}

enum Wire {
    Message(EdgeHandle),
    Line(LevelHandle),
    Shared(Arc<SharedWire>, usize),
    Vector { asserted: bool },
}

/// A line for several devices, which is asserted while any of them asserts.
struct SharedWire {
    line: LevelHandle,
    asserted: Mutex<Vec<bool>>,
}

impl SharedWire {
    fn set(&self, device: usize, asserts: bool) {
        let mut asserted = self.asserted.lock().unwrap();
        asserted[device] = asserts;
        if asserted.contains(&true) { self.line.assert() } else { self.line.deassert() }
    }
}

/// The device. Each use of a register is a step, before which it may complete a request.
#[derive(Clone)]
pub struct Nic(Arc<Mutex<Registers>>);

struct Registers {
    wire: Wire,
    interrupts_on: bool,
    completed: u32,
    step: usize,
    /// The steps before which a request completes.
    plan: BTreeSet<usize>,
    /// Whether another request completes as soon as one is taken.
    endless: bool,
    /// How often the driver has turned the interrupts on.
    armed: u32,
    taken: u32,
}

impl Registers {
    fn step(&mut self) {
        self.step += 1;
        if self.plan.remove(&self.step) {
            self.complete();
        }
    }

    fn complete(&mut self) {
        self.completed += 1;
        if self.interrupts_on {
            self.assert();
        }
    }

    fn assert(&mut self) {
        match &mut self.wire {
            Wire::Message(message) => message.assert(),
            Wire::Line(line) => line.assert(),
            Wire::Shared(line, number) => line.set(*number, true),
            Wire::Vector { asserted } => *asserted = true,
        }
    }
}

impl Nic {
    fn on(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(Registers {
            wire,
            interrupts_on: false,
            completed: 0,
            step: 0,
            plan: BTreeSet::new(),
            endless: false,
            armed: 0,
            taken: 0,
        })))
    }

    pub fn complete(&self) {
        self.0.lock().unwrap().complete();
    }

    /// Completes a request before each of these steps, counted from now.
    pub fn complete_before(&self, steps: &[usize]) {
        let mut registers = self.0.lock().unwrap();
        let now = registers.step;
        registers.plan.extend(steps.iter().map(|step| now + step));
    }

    /// How many of the planned completions are still to come.
    pub fn planned(&self) -> u32 {
        u32::try_from(self.0.lock().unwrap().plan.len()).unwrap()
    }

    /// From now on another request completes as soon as one is taken.
    pub fn never_cease(&self) {
        self.0.lock().unwrap().endless = true;
    }

    /// The requests that have completed and not been taken.
    pub fn completed(&self) -> u32 {
        self.0.lock().unwrap().completed
    }

    pub fn taken(&self) -> u32 {
        self.0.lock().unwrap().taken
    }

    pub fn armed(&self) -> u32 {
        self.0.lock().unwrap().armed
    }

    pub fn interrupts_on(&self) -> bool {
        self.0.lock().unwrap().interrupts_on
    }

    /// A level line follows the device's interrupts and its work. A message that has been sent stays sent.
    pub fn turn_off(&self) {
        let mut registers = self.0.lock().unwrap();
        registers.step();
        registers.interrupts_on = false;
        match &registers.wire {
            Wire::Line(line) => line.deassert(),
            Wire::Shared(line, number) => line.set(*number, false),
            _ => {}
        }
    }

    /// Turns the interrupts on: a line asserts what has completed before, a message only what completes from now on.
    pub fn turn_on(&self) {
        let mut registers = self.0.lock().unwrap();
        registers.step();
        registers.interrupts_on = true;
        registers.armed += 1;
        if registers.completed != 0 && matches!(registers.wire, Wire::Line(_) | Wire::Shared(..)) {
            registers.assert();
        }
    }

    pub fn has_completed(&self) -> bool {
        let mut registers = self.0.lock().unwrap();
        registers.step();
        registers.completed != 0
    }

    /// Takes one request.
    pub fn take(&self) -> bool {
        let mut registers = self.0.lock().unwrap();
        registers.step();
        let took = registers.completed != 0;
        if took {
            registers.completed -= 1;
            registers.taken += 1;
            if let (Wire::Shared(line, number), 0) = (&registers.wire, registers.completed) {
                line.set(*number, false);
            }
            if registers.endless {
                registers.complete();
            }
        }
        took
    }

    /// Whether it asserts its line.
    pub fn asserts(&self) -> bool {
        let registers = self.0.lock().unwrap();
        registers.interrupts_on && registers.completed != 0
    }

    /// Takes the assertion of a device without a source.
    fn take_vector(&self) -> bool {
        match &mut self.0.lock().unwrap().wire {
            Wire::Vector { asserted } => std::mem::take(asserted),
            _ => false,
        }
    }
}

pub type Driver = Interrupt<(), WithWorkItem>;

/// The ISR of a driver without a device: it queues the work item, and keeps the interrupt masked.
pub fn keep_masked<T>(cx: &mut IsrContext<'_, T, WithWorkItem>) -> Claim {
    cx.queue_work_item();
    Claim::ClaimedKeepMasked
}

/// How the driver ends its cycle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// It looks again after it has turned the interrupts on.
    Looks,
    /// It does not: what the test must be able to notice.
    Forgets,
}

/// Which threads serve the driver.
#[derive(Clone, Copy)]
pub enum Served<'a> {
    ByTheTest,
    ByItsOwn,
    By(&'a Dispatcher),
}

pub const BUDGET: usize = 2;

/// Gives a builder the callbacks of a driver that takes at most two requests in a run of its work item.
macro_rules! drive {
    ($builder:expr, $nic:expr, $care:expr) => {{
        let [isr, enable, disable, work, unmask] = [(); 5].map(|()| $nic.clone());
        let care = $care;
        $builder
            .isr(move |cx| {
                // A message may have been on its way as the interrupts were turned off: then this does it again.
                isr.turn_off();
                cx.queue_work_item();
                Claim::ClaimedKeepMasked
            })
            .on_enable(move |_| enable.turn_on())
            .on_disable(move |_| disable.turn_off())
            .work_item(move |_| {
                for _ in 0..crate::delivery::cycle::device::BUDGET {
                    if !work.take() {
                        return Work::Done;
                    }
                }
                Work::Again
            })
            .on_unmask(move |_| {
                unmask.turn_on();
                if care == Care::Looks && unmask.has_completed() {
                    unmask.turn_off();
                    return Work::Again;
                }
                Work::Done
            })
    }};
}
pub(super) use drive;

/// The device, and its source.
pub fn nic(wiring: Wiring) -> (Nic, Option<Software>) {
    let (wire, source) = match wiring {
        Wiring::Message => {
            let (source, message) = Software::edge();
            (Wire::Message(message), Some(source))
        }
        Wiring::Line => {
            let (source, line) = Software::level();
            (Wire::Line(line), Some(source))
        }
        Wiring::Vector => (Wire::Vector { asserted: false }, None),
    };
    (Nic::on(wire), source)
}

/// Devices on one line, and its source.
pub fn nics_on_a_line<const N: usize>() -> ([Nic; N], Software) {
    let (source, line) = Software::level();
    let wire = Arc::new(SharedWire { line, asserted: Mutex::new(vec![false; N]) });
    (std::array::from_fn(|number| Nic::on(Wire::Shared(wire.clone(), number))), source)
}

pub fn driver_that(care: Care, wiring: Wiring, served: Served<'_>) -> (Driver, Nic) {
    let (nic, source) = nic(wiring);
    let mut builder = drive!(Interrupt::builder(()), nic, care);
    if let Some(source) = source {
        builder = builder.source(source);
    }
    builder = match served {
        Served::ByTheTest => builder.without_dispatcher(),
        Served::ByItsOwn => builder,
        Served::By(dispatcher) => builder.dispatcher(dispatcher),
    };
    (builder.build().unwrap(), nic)
}

/// A careful driver that the test serves.
pub fn driver(wiring: Wiring) -> (Driver, Nic) {
    driver_that(Care::Looks, wiring, Served::ByTheTest)
}

impl Nic {
    /// Serves what the device has asserted, if it has. Returns whether an ISR has run.
    pub fn deliver_to(&self, driver: &Driver) -> bool {
        let asserted = !matches!(self.0.lock().unwrap().wire, Wire::Vector { .. }) || self.take_vector();
        asserted && matches!(driver.service(), Delivery::Answered(_))
    }

    /// Serves the driver until there is nothing more to serve.
    pub fn serve(&self, driver: &Driver) {
        while self.deliver_to(driver) | driver.run_work_item() | driver.is_work_item_queued() {}
    }
}
