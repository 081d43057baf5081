//! A machine of simulated devices, and a driver for each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use interrupt_lock::simulated::{Edu, EduOptions, Step};
use interrupt_lock::{Claim, Error, Export, Interrupt, NoWorkItem, Registers};

use crate::Failure;
use crate::socket::{self, Publisher};

const INTERRUPT_STATUS: usize = 0x24;
const ACKNOWLEDGE: usize = 0x64;

/// The bit that this driver's device raises; every other is a neighbour's.
const OURS: u32 = 1;
const NEIGHBOURS: u32 = 2;

/// What a device is like.
struct Kind {
    name: &'static str,
    /// By its line, or by messages.
    line: bool,
    /// It raises so many interrupts at once, every so many beats.
    raises: u32,
    beats: u32,
    /// One in so many is not its own.
    stray: Option<u32>,
    /// What its ISR takes.
    work: Duration,
    /// For how long the driver holds the lock at each beat.
    section: Duration,
}

const PLAIN: Kind =
    Kind { name: "", line: false, raises: 1, beats: 1, stray: None, work: Duration::ZERO, section: Duration::ZERO };

const KINDS: [Kind; 5] = [
    Kind { name: "timer", line: true, ..PLAIN },
    Kind { name: "disk", work: Duration::from_micros(20), beats: 3, ..PLAIN },
    Kind { name: "net", raises: 40, beats: 20, ..PLAIN },
    Kind { name: "shared", line: true, stray: Some(4), beats: 2, ..PLAIN },
    Kind { name: "serial", section: Duration::from_micros(200), beats: 10, ..PLAIN },
];

const BEAT: Duration = Duration::from_millis(1);

/// What an ISR shares with the rest of its driver.
pub struct Handled {
    interrupts: u64,
}

struct Device {
    kind: &'static Kind,
    edu: Edu,
    interrupt: Interrupt<Handled, NoWorkItem>,
}

/// The devices, and the thread that has them interrupt.
pub struct Machine {
    devices: Arc<Vec<Device>>,
    export: Export,
    _publisher: Option<Publisher>,
    stopping: Arc<AtomicBool>,
    beating: JoinHandle<()>,
}

impl Machine {
    pub fn start(publish: Option<&Path>) -> Result<Self, Failure> {
        let devices = KINDS.iter().map(device).collect::<Result<Vec<_>, _>>().map_err(Failure::of_the_device)?;
        let export = Export::new();
        devices.iter().try_for_each(|device| export.add(device.interrupt.object())).map_err(Failure::of_the_device)?;
        let publisher = publish.map(|path| socket::publish(&export, path)).transpose()?;
        let (devices, stopping) = (Arc::new(devices), Arc::new(AtomicBool::new(false)));
        let (theirs, ends) = (devices.clone(), stopping.clone());
        let beating = thread::Builder::new().name("devices".into()).spawn(move || beat(&theirs, &ends));
        Ok(Self { devices, export, _publisher: publisher, stopping, beating: beating.map_err(Failure::of_the_device)? })
    }

    /// What the interrupts have done so far.
    pub fn text(&self) -> String {
        self.export.prometheus_text()
    }

    pub fn stop(self) -> Result<(), Failure> {
        self.stopping.store(true, Relaxed);
        self.beating.join().map_err(|_| Failure::Run("the thread of the devices panicked".into()))?;
        for device in &*self.devices {
            device.interrupt.disable().map_err(Failure::of_the_run)?;
        }
        Ok(())
    }
}

/// What the devices do, until they are stopped.
fn beat(devices: &[Device], stopping: &AtomicBool) {
    for beat in (0..=u32::MAX).cycle() {
        if stopping.load(Relaxed) {
            break;
        }
        devices.iter().for_each(|device| device.beat(beat));
        thread::sleep(BEAT);
    }
}

fn device(kind: &'static Kind) -> Result<Device, Error> {
    let edu = Edu::with_options(EduOptions { name: kind.name.into(), ..EduOptions::default() });
    let registers = edu.registers();
    let interrupt = Interrupt::builder(Handled { interrupts: 0 })
        .name(kind.name)
        .isr(move |handled| {
            let status = registers.read32(INTERRUPT_STATUS);
            registers.write32(ACKNOWLEDGE, status);
            busy(kind.work);
            if status & OURS == 0 {
                return Claim::Unclaimed;
            }
            handled.interrupts += 1;
            Claim::Claimed
        })
        .source(if kind.line { edu.line() } else { edu.message() }?)
        .timed()
        .build()?;
    interrupt.enable()?;
    Ok(Device { kind, edu, interrupt })
}

impl Device {
    fn beat(&self, beat: u32) {
        let kind = self.kind;
        if !beat.is_multiple_of(kind.beats) {
            return;
        }
        let stray = kind.stray.is_some_and(|one_in| (beat / kind.beats).is_multiple_of(one_in));
        let raise =
            || (0..kind.raises).for_each(|_| self.edu.perform(Step::Raise(if stray { NEIGHBOURS } else { OURS })));
        if kind.section.is_zero() {
            return raise();
        }
        let _guard = self.interrupt.acquire_interrupt_lock();
        raise();
        busy(kind.section);
    }
}

fn busy(time: Duration) {
    let until = Instant::now() + time;
    while !time.is_zero() && Instant::now() < until {
        std::hint::spin_loop();
    }
}
