//! The interrupts of a program, with callbacks that do what its scripts say and tell the judge.

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use interrupt_lock::source::{SharedLine, Software};
use interrupt_lock::{
    Device, Error, ErrorKind, Interrupt, InterruptLock, InterruptObject, PlannedPanic, Transition, WithWorkItem,
};

use crate::callbacks::{self, Part};
use crate::judge::Judge;
use crate::program::{Act, From, Program, Scenario};
use crate::source::{Counter, Devices, Wire};

/// The interrupt data.
pub struct Data {
    busy: bool,
    point: loom::sync::atomic::AtomicUsize,
    _freed: Token,
}

impl Data {
    /// A section: no other runs meanwhile.
    pub fn section<R>(&mut self, body: impl FnOnce() -> R) -> R {
        struct Busy<'a>(&'a mut Data);
        impl Drop for Busy<'_> {
            fn drop(&mut self) {
                self.0.busy = false;
            }
        }
        assert!(!self.busy, "L3: two sections at once");
        self.busy = true;
        let busy = Busy(self);
        // Other threads may come in between.
        busy.0.point.fetch_add(1, loom::sync::atomic::Ordering::Relaxed);
        let result = body();
        busy.0.point.fetch_add(1, loom::sync::atomic::Ordering::Relaxed);
        result
    }
}

/// Counts that it is freed.
pub struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The object of an interrupt.
pub type Object = InterruptObject<Data, WithWorkItem>;

/// One interrupt, with all that the program needs for it.
pub struct Unit {
    /// The object.
    pub object: Arc<Object>,
    /// The handle, until it is dropped.
    pub handle: Mutex<Option<Interrupt<Data>>>,
    /// Its judge.
    pub judge: Arc<Judge>,
    /// Its counter's wire, if it has one.
    pub wire: Option<Arc<Wire>>,
    /// Whether its work item runs under the callback lock.
    pub serialized: bool,
    /// How many of its callbacks have been freed.
    pub freed: Arc<AtomicUsize>,
}

/// All interrupts of a program.
pub struct Machine {
    /// The interrupts.
    pub units: Vec<Unit>,
    /// Their device, if they have one.
    pub device: Option<Device>,
    /// The devices on the line that they share, if they share one.
    pub devices: Option<Arc<Devices>>,
    /// How many of the interrupt data have been freed.
    pub data_freed: Arc<AtomicUsize>,
    /// How many there are.
    pub data_made: usize,
    /// Whether a circle of waits is possible.
    pub circles: bool,
    callback_lock: AtomicBool,
}

/// How many callbacks an interrupt has.
pub const CALLBACKS: usize = 5;

/// The machine, once it is built.
pub type Later = Arc<OnceLock<Weak<Machine>>>;

impl Machine {
    /// Builds the interrupts of `program`.
    pub fn build(scenario: &Scenario, program: &Program) -> Arc<Self> {
        let later = Later::default();
        let data_freed = Arc::new(AtomicUsize::new(0));
        let data = || Data { busy: false, point: Default::default(), _freed: Token(data_freed.clone()) };
        let device = scenario.device.then(|| device(&later));
        let lock = scenario.shares_lock.then(|| Arc::new(InterruptLock::new(data())));
        let line = (scenario.from == From::Line).then(|| {
            let (source, handle) = Software::level();
            (SharedLine::new(source).unwrap(), Arc::new(Devices::new(handle, program.scripts.len())))
        });
        let units: Vec<_> = (0..program.scripts.len())
            .map(|index| {
                let script = &program.scripts[index];
                let builder = match &lock {
                    Some(lock) => Interrupt::builder_sharing(lock),
                    None => Interrupt::builder(data()),
                };
                let (judge, freed) = (Arc::<Judge>::default(), Arc::<AtomicUsize>::default());
                let part = |acts: &[Act]| Part::new(&later, &judge, index, acts, Token(freed.clone()));
                let mut builder = builder
                    .isr(callbacks::isr(part(&script.isr)))
                    .work_item(callbacks::work(part(&script.work), script.serialized))
                    .on_enable(callbacks::enable(part(&script.enable)))
                    .on_disable(callbacks::disable(part(&script.disable)))
                    .on_removal(callbacks::removal(part(&[])));
                let mut wire = None;
                match scenario.from {
                    From::Nowhere => {}
                    From::Counter => {
                        let wire = wire.insert(Arc::<Wire>::default());
                        builder = builder.source(Counter::new(wire, &script.takes, &judge));
                    }
                    From::Line => builder = builder.source(line.as_ref().unwrap().0.member()).shared(),
                }
                if let Some(device) = &device {
                    builder = builder.device(device);
                    builder = if script.serialized { builder.automatic_serialization() } else { builder };
                    builder = if script.wake_capable { builder.wake_capable() } else { builder };
                }
                let handle = builder.name(format!("irq{index}")).build().unwrap();
                Unit {
                    object: handle.object().clone(),
                    handle: Mutex::new(Some(handle)),
                    judge,
                    wire,
                    serialized: script.serialized,
                    freed,
                }
            })
            .collect();
        let data_made = if scenario.shares_lock { 1 } else { units.len() };
        let devices = line.map(|(_, devices)| devices);
        let callback_lock = AtomicBool::new(false);
        let machine =
            Arc::new(Self { units, device, devices, data_freed, data_made, circles: scenario.circles, callback_lock });
        assert!(later.set(Arc::downgrade(&machine)).is_ok());
        machine
    }

    /// Asserts an interrupt, and serves it.
    pub fn assert(&self, index: usize) {
        let unit = &self.units[index];
        match (&unit.wire, &self.devices) {
            (Some(wire), _) => {
                unit.judge.asserts();
                wire.assert();
            }
            (_, Some(devices)) => devices.assert(index),
            _ => unit.judge.asserts(),
        }
        unit.object.service();
    }

    /// Enables an interrupt.
    pub fn enable(&self, index: usize) {
        let unit = &self.units[index];
        unit.judge.enable_begins();
        let answer = unit.object.enable();
        unit.judge.enable_ends(Some(&answer));
        self.never_refused(answer);
    }

    /// Disables an interrupt.
    pub fn disable(&self, index: usize) {
        let unit = &self.units[index];
        let began = unit.judge.disable_begins();
        let answer = unit.object.disable();
        unit.judge.disable_ends(&began, &answer);
        self.never_refused(answer);
    }

    /// Without circles nobody is refused who holds nothing.
    pub fn never_refused(&self, answer: Result<Transition, Error>) {
        if let Err(error) = answer {
            let refused = matches!(error.kind(), ErrorKind::WouldDeadlock { .. });
            assert!(self.circles || !refused, "L13: the innocent is refused: {error}");
        }
    }

    /// Drops the handle of an interrupt, if it has not been dropped.
    pub fn drop_handle(&self, index: usize) {
        let handle = self.units[index].handle.lock().unwrap().take();
        drop(handle);
    }

    /// Submits a closure.
    pub fn submit(self: &Arc<Self>, index: usize, act: Act) {
        let unit = &self.units[index];
        let number = unit.judge.submits();
        let machine = self.clone();
        let answer = unit.object.run_or_defer(move |data| {
            machine.units[index].judge.closure_runs(number);
            data.section(|| machine.act(index, act));
            machine.units[index].judge.closure_ends();
            if act == Act::Fail {
                machine.units[index].judge.fault_comes();
                panic_any(PlannedPanic);
            }
        });
        unit.judge.submitted(number, answer.map(drop));
    }

    /// Does `act` inside a section or a callback of an interrupt. A failure is left to the caller.
    pub fn act(self: &Arc<Self>, index: usize, act: Act) {
        let unit = &self.units[index];
        let next = (index + 1) % self.units.len();
        match act {
            Act::Queue => unit.judge.queued(unit.object.queue_work_item()),
            Act::Submit => self.submit(index, Act::Nothing),
            Act::Assert => self.assert(index),
            Act::Drop => self.drop_handle(index),
            Act::Refused => {
                for answer in [unit.object.enable(), unit.object.disable(), unit.object.report_active()] {
                    let error = answer.expect_err("E4: not refused inside a section");
                    assert!(matches!(error.kind(), ErrorKind::WouldDeadlock { .. }), "E4: {error}");
                }
            }
            Act::EnableNext if index != next => self.enable(next),
            Act::DisableNext if index != next => self.disable(next),
            Act::DropNext if index != next => self.drop_handle(next),
            _ => {}
        }
    }

    /// Runs a section of the callback lock: no other runs meanwhile.
    pub fn with_callback_lock<R>(&self, body: impl FnOnce() -> R) -> R {
        assert!(!self.callback_lock.swap(true, Relaxed), "W5: two sections of the callback lock at once");
        let result = body();
        self.callback_lock.store(false, Relaxed);
        result
    }
}

fn device(later: &Later) -> Device {
    let callback = || {
        let later = later.clone();
        move || machine(&later).with_callback_lock(|| ())
    };
    Device::builder("device").on_d0_entry(callback()).on_d0_exit(callback()).build()
}

/// Returns the machine: callbacks run only after it is built.
pub fn machine(later: &Later) -> Arc<Machine> {
    later.get().and_then(Weak::upgrade).expect("the machine is there")
}
