//! A random machine: its interrupts, locks, dispatchers, lines and device.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use interrupt_lock::source::{SharedLine, Software, Source as Raw};
use interrupt_lock::{Device, Dispatcher, Error, InterruptLock};

use crate::kind::{Kind, Source};
use crate::object::Data;
use crate::random::Random;
use crate::signal::{Output, Signal, Wire};
use crate::totals;
use crate::unit::{Handle, Unit, build};
use crate::verdict;
use crate::watch::lock;

pub struct Machine {
    name: String,
    rounds: usize,
    slots: Vec<Slot>,
    dispatcher: Dispatcher,
    device: Device,
    lock: Arc<InterruptLock<Data>>,
    line: Option<(SharedLine, Arc<Wire>)>,
    /// Nothing odd may happen: the threads of the round are being stopped, or have been.
    calm: AtomicBool,
    pub random: Mutex<Random>,
    /// Interrupts whose handles were dropped, in the middle.
    retired: Mutex<Vec<Arc<Unit>>>,
}

/// The place of an interrupt, and of those that follow it.
struct Slot {
    kind: Kind,
    unit: Mutex<Option<Arc<Unit>>>,
    handle: Mutex<Option<Box<dyn Handle>>>,
    /// Its interrupt is being built anew.
    building: Mutex<u64>,
}

impl Slot {
    fn new(kind: Kind) -> Self {
        Self { kind, unit: Mutex::new(None), handle: Mutex::new(None), building: Mutex::new(0) }
    }
}

impl Machine {
    pub fn new(seed: u64) -> Result<Arc<Self>, Error> {
        let mut random = Random::new(seed);
        let members = if random.one_in(2) { 2 + random.below(3) } else { 0 };
        let mut kinds: Vec<_> = (0..members).map(|_| Kind::of(Source::Member, &mut random)).collect();
        kinds.extend((0..1 + random.below(4)).map(|_| Kind::random(&mut random)));
        let line = (members > 0).then(|| {
            let (source, handle) = Software::level();
            Ok((SharedLine::new(source)?, Wire::new(handle, members)))
        });
        let sources: Vec<_> = kinds.iter().map(|kind| kind.source).collect();
        let machine = Arc::new(Self {
            name: format!("The machine of seed {seed}: {sources:?}"),
            rounds: 1 + random.below(4),
            slots: kinds.into_iter().map(Slot::new).collect(),
            dispatcher: Dispatcher::new()?,
            device: device(&mut random),
            lock: Arc::default(),
            line: line.transpose()?,
            calm: AtomicBool::new(true),
            random: Mutex::new(random),
            retired: Mutex::default(),
        });
        (0..machine.slots.len()).try_for_each(|slot| machine.rebuild(slot).map(drop))?;
        Ok(machine)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn rounds(&self) -> usize {
        self.rounds
    }

    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    pub fn lock(&self) -> &Arc<InterruptLock<Data>> {
        &self.lock
    }

    /// A member of the shared line, and its device's place on the wire. The members have the first slots.
    pub fn member(&self, slot: usize) -> (impl Raw + 'static, Signal) {
        let (line, wire) = self.line.as_ref().expect("a machine with members has a line");
        (line.member(), Signal::new(Output::Wire(wire.clone(), slot)))
    }

    pub fn is_calm(&self) -> bool {
        // SeqCst: pairs with `set_calm`. A callback that sees it late does one odd thing more.
        self.calm.load(SeqCst)
    }

    pub fn set_calm(&self, calm: bool) {
        // SeqCst: see `is_calm`.
        self.calm.store(calm, SeqCst);
    }

    /// The interrupt in this place, even if its handle has been dropped.
    pub fn unit(&self, slot: usize) -> Option<Arc<Unit>> {
        lock(&self.slots[slot].unit).clone()
    }

    pub fn units(&self) -> Vec<Arc<Unit>> {
        (0..self.slots.len()).filter_map(|slot| self.unit(slot)).collect()
    }

    pub fn any_slot(&self, random: &mut Random) -> usize {
        random.below(self.slots.len())
    }

    pub fn any_unit(&self, random: &mut Random) -> Option<Arc<Unit>> {
        self.unit(self.any_slot(random))
    }

    /// A place whose handle may be dropped with the lock of the interrupt in `slot` held: that one, or another.
    ///
    /// Not another with a work item: the drop would run it with that lock held, and its section could close a circle.
    pub fn slot_to_drop_in(&self, slot: usize, random: &mut Random) -> usize {
        let other = self.any_slot(random);
        if random.one_in(2) || self.slots[other].kind.work { slot } else { other }
    }

    /// Drops the handle in this place, unless it has been dropped or is to live.
    pub fn drop_handle(&self, slot: usize) {
        if self.slots[slot].kind.mortal && self.end(slot) {
            totals::DROPS.one();
        }
    }

    /// Drops the handle in this place. Returns whether there was one.
    pub fn end(&self, slot: usize) -> bool {
        // Not in one expression, which would drop it with the place locked.
        let handle = lock(&self.slots[slot].handle).take();
        handle.is_some()
    }

    /// Builds the interrupt of a place anew, if its handle has been dropped. Returns whether it has.
    pub fn rebuild(self: &Arc<Self>, number: usize) -> Result<bool, Error> {
        let slot = &self.slots[number];
        let Ok(mut generation) = slot.building.try_lock() else { return Ok(false) };
        if lock(&slot.handle).is_some() {
            return Ok(false);
        }
        *generation += 1;
        let name = format!("{:?} {number}.{}", slot.kind.source, *generation);
        let mut random = lock(&self.random).split();
        let (handle, unit) = build(self, number, name, slot.kind, &mut random)?;
        let before = lock(&slot.unit).replace(unit);
        lock(&self.retired).extend(before);
        *lock(&slot.handle) = Some(handle);
        Ok(true)
    }

    /// As `rebuild`, of any place, for a callback.
    pub fn rebuild_one(self: &Arc<Self>, random: &mut Random) {
        let slot = self.any_slot(random);
        match self.rebuild(slot) {
            Ok(true) => _ = self.unit(slot).map(|unit| unit.cycle(random)),
            Ok(false) => {}
            Err(error) => verdict::wrong(format_args!("an interrupt can't be built anew: {error:#}")),
        }
    }

    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    pub fn take_retired(&self) -> Vec<Arc<Unit>> {
        std::mem::take(&mut lock(&self.retired))
    }

    /// Takes all interrupts out of their places, for good.
    pub fn take_units(&self) -> Vec<Arc<Unit>> {
        self.slots.iter().filter_map(|slot| lock(&slot.unit).take()).collect()
    }
}

/// A device whose callbacks fail now and then.
fn device(random: &mut Random) -> Device {
    let (mut entry, mut enabled, mut disabling, mut exit) =
        (random.split(), random.split(), random.split(), random.split());
    Device::builder("device")
        .on_d0_entry(move || outcome(&mut entry))
        .on_interrupts_enabled(move || outcome(&mut enabled))
        .on_disabling_interrupts(move || outcome(&mut disabling))
        .on_d0_exit(move || outcome(&mut exit))
        .build()
}

fn outcome(random: &mut Random) -> Result<(), &'static str> {
    if random.one_in(30) { Err("intended by the soak") } else { Ok(()) }
}
