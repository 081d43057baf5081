//! The devices that interrupt: what asserts, and what an ISR does to make it stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use interrupt_lock::simulated::{Edu, EduRegisters, Step};
use interrupt_lock::source::{EdgeHandle, LevelHandle};
use interrupt_lock::{Registers, source};

use crate::object::Object;
use crate::watch::lock;

const INTERRUPT_STATUS: usize = 0x24;
const ACKNOWLEDGE: usize = 0x64;

/// The wire of a level line, and the devices on it: it is asserted while one of them asks.
pub struct Wire {
    handle: LevelHandle,
    places: Mutex<Vec<Place>>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// What the device asks for and no driver has dealt with.
    requests: u64,
    /// Its driver has told the device not to interrupt.
    silent: bool,
    /// The latest driver of this place. An earlier one, which may still be ending, changes nothing.
    driver: u64,
}

impl Wire {
    pub fn new(handle: LevelHandle, devices: usize) -> Arc<Self> {
        Arc::new(Self { handle, places: Mutex::new(vec![Place::default(); devices]) })
    }

    fn change<R>(&self, place: usize, change: impl FnOnce(&mut Place) -> R) -> R {
        let mut places = lock(&self.places);
        let changed = change(&mut places[place]);
        if places.iter().any(|place| place.requests > 0 && !place.silent) {
            self.handle.assert();
        } else {
            self.handle.deassert();
        }
        changed
    }
}

/// The asserting side of one interrupt.
#[derive(Clone)]
pub struct Signal {
    output: Output,
    /// Later drivers of a place have a higher one.
    generation: u64,
    /// As in a place of a wire, for a device that is on none.
    requests: Arc<AtomicU64>,
}

#[derive(Clone)]
pub enum Output {
    Calls,
    Edge(EdgeHandle),
    Wire(Arc<Wire>, usize),
    Edu(Edu, EduRegisters),
    #[cfg(target_os = "linux")]
    Eventfd(interrupt_lock::linux::EventfdSignaller),
}

impl Signal {
    pub fn new(output: Output) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the number counts.
        Self { output, generation: NEXT.fetch_add(1, Ordering::Relaxed), requests: Arc::default() }
    }

    /// The device asks once more, and asserts.
    pub fn raise(&self, object: &dyn Object) {
        if let Output::Wire(wire, place) = &self.output {
            return wire.change(*place, |place| place.requests += 1);
        }
        // Release: pairs with the Acquire in `acknowledge`. The assertion below comes after it, so an ISR that finds
        // nothing here is followed by one more.
        self.requests.fetch_add(1, Ordering::Release);
        match &self.output {
            Output::Calls => object.service(),
            Output::Edge(handle) => handle.assert(),
            Output::Wire(..) => {}
            Output::Edu(edu, _) => edu.perform(Step::Raise(1)),
            #[cfg(target_os = "linux")]
            Output::Eventfd(signaller) => signaller.signal(),
        }
    }

    /// What an ISR does: the device stops to assert. Returns how much it had asked for.
    pub fn acknowledge(&self) -> u64 {
        match &self.output {
            Output::Wire(wire, place) => return wire.change(*place, |place| std::mem::take(&mut place.requests)),
            Output::Edu(_, registers) => {
                let status = registers.read32(INTERRUPT_STATUS);
                registers.write32(ACKNOWLEDGE, status);
            }
            _ => {}
        }
        // Acquire: pairs with the Release in `raise`.
        self.requests.swap(0, Ordering::Acquire)
    }

    /// How much the device asks for that no ISR has dealt with.
    pub fn outstanding(&self) -> u64 {
        match &self.output {
            Output::Wire(wire, place) => lock(&wire.places)[*place].requests,
            // Relaxed: a look, which is repeated until it is 0.
            _ => self.requests.load(Ordering::Relaxed),
        }
    }

    /// What enable and disable callbacks do: a disabled device on a wire does not assert it.
    pub fn silence(&self, silent: bool) {
        if let Output::Wire(wire, place) = &self.output {
            wire.change(*place, |place| {
                if place.driver <= self.generation {
                    (place.driver, place.silent) = (self.generation, silent);
                }
            });
        }
    }
}

/// A level line of one device.
pub fn level() -> (source::Software, Signal) {
    let (source, handle) = source::Software::level();
    (source, Signal::new(Output::Wire(Wire::new(handle, 1), 0)))
}
