//! The converter: a device that lives in this process, with its registers and its line.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use interrupt_lock::Registers;

const CONTROL: usize = 0x0;
const STATUS: usize = 0x4;
const START: usize = 0x8;
const SAMPLE: usize = 0xc;

const CLOCK: u32 = 1;
const INTERRUPTS: u32 = 2;
const DONE: u32 = 1;
const OVER_RANGE: u32 = 2;

/// Channels from here on are over range.
pub const CHANNELS: u32 = 1_000;

/// What the converter makes of a channel.
pub fn sample(channel: u32) -> u32 {
    channel * 7 % 0x1_0000
}

/// What it looks like from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many conversions have been done.
    pub done: u64,
    /// How often it was switched off with a conversion under way, which is lost then.
    pub lost: u64,
    /// How many writes have come while it had no clock.
    pub unanswered: u64,
    pub control: u32,
    pub asserted: bool,
}

struct Model {
    seen: Seen,
    status: u32,
    sample: u32,
    channel: Option<u32>,
    held: bool,
    unplugged: bool,
    ended: bool,
    /// Drives the line.
    line: Box<dyn FnMut(bool) + Send>,
}

impl Model {
    fn drive(&mut self) {
        let asserted = self.status != 0 && self.seen.control & INTERRUPTS != 0;
        if asserted != self.seen.asserted {
            self.seen.asserted = asserted;
            (self.line)(asserted);
        }
    }

    fn converts(&self) -> bool {
        self.channel.is_some() && !self.held && !self.unplugged
    }

    fn convert(&mut self) {
        let channel = self.channel.take().unwrap();
        self.sample = sample(channel);
        self.status |= if channel < CHANNELS { DONE } else { DONE | OVER_RANGE };
        self.seen.done += 1;
        self.drive();
    }

    /// Without a clock only CONTROL answers.
    fn write(&mut self, offset: usize, value: u32) {
        let clocked = self.seen.control & CLOCK != 0;
        match offset {
            CONTROL => {
                self.seen.control = value;
                if value & CLOCK == 0 && self.channel.take().is_some() {
                    self.seen.lost += 1;
                }
            }
            _ if !clocked => self.seen.unanswered += 1,
            STATUS => self.status &= !value,
            START => self.channel = Some(value),
            _ => panic!("no register to write to: {offset:#x}"),
        }
        self.drive();
    }
}

struct Shared {
    model: Mutex<Model>,
    changed: Condvar,
}

pub struct Device {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    pub fn new(line: impl FnMut(bool) + Send + 'static) -> Self {
        let (seen, line) = (Seen::default(), Box::new(line));
        let (held, unplugged, ended) = (false, false, false);
        let model = Model { seen, status: 0, sample: 0, channel: None, held, unplugged, ended, line };
        let shared = Arc::new(Shared { model: Mutex::new(model), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread = Some(thread::spawn(move || theirs.run()));
        Self { shared, thread }
    }

    pub fn registers(&self) -> ConverterRegisters {
        ConverterRegisters(Arc::clone(&self.shared))
    }

    pub fn seen(&self) -> Seen {
        self.shared.model.lock().unwrap().seen.clone()
    }

    /// Whether somebody has its registers.
    pub fn is_mapped(&self) -> bool {
        Arc::strong_count(&self.shared) > 2 // its own, and its thread's
    }

    /// While it is held, no conversion ends.
    pub fn hold(&self, held: bool) {
        self.shared.model.lock().unwrap().held = held;
        self.shared.changed.notify_all();
    }

    /// Takes it away. Its bus signals the interrupt once more, as one does that finds a slot empty.
    pub fn unplug(&self) {
        let mut model = self.shared.model.lock().unwrap();
        model.unplugged = true;
        (model.line)(true);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.shared.model.lock().unwrap().ended = true;
        self.shared.changed.notify_all();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Shared {
    /// Converts, while it is clocked. Between the start and the end of a conversion other threads may come in.
    fn run(&self) {
        let mut model = self.model.lock().unwrap();
        while !model.ended {
            if !model.converts() {
                model = self.changed.wait(model).unwrap();
                continue;
            }
            drop(model);
            thread::yield_now();
            model = self.model.lock().unwrap();
            if model.converts() {
                model.convert();
            }
        }
    }
}

pub struct ConverterRegisters(Arc<Shared>);

impl Registers for ConverterRegisters {
    fn len(&self) -> usize {
        0x10
    }

    fn read32(&self, offset: usize) -> u32 {
        let model = self.0.model.lock().unwrap();
        match offset {
            _ if model.unplugged => u32::MAX,
            CONTROL => model.seen.control,
            STATUS => model.status,
            SAMPLE => model.sample,
            _ => panic!("no register to read: {offset:#x}"),
        }
    }

    fn write32(&self, offset: usize, value: u32) {
        let mut model = self.0.model.lock().unwrap();
        if !model.unplugged {
            model.write(offset, value);
            self.0.changed.notify_all();
        }
    }

    // A driver that accesses them by another width is wrong.
    fn read8(&self, _: usize) -> u8 {
        wrong_width()
    }
    fn read16(&self, _: usize) -> u16 {
        wrong_width()
    }
    fn read64(&self, _: usize) -> u64 {
        wrong_width()
    }
    fn write8(&self, _: usize, _: u8) {
        wrong_width()
    }
    fn write16(&self, _: usize, _: u16) {
        wrong_width()
    }
    fn write64(&self, _: usize, _: u64) {
        wrong_width()
    }
}

fn wrong_width() -> ! {
    panic!("the converter's registers have 32 bits")
}
