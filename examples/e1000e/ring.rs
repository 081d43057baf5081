//! A ring of legacy descriptors, each with a buffer, in memory that the device shares. It is the data of an interrupt.

use std::sync::atomic::{Ordering, fence};

use interrupt_lock::{Error, Registers, Work, linux::MappedRegisters, linux::vfio};

use crate::chip::{ALLOW, CAUSES, FORBID, RAISE, RECEIVED, SENT, STATUS};

const ENTRIES: usize = 256;
const BUFFER: usize = 2048;
/// A descriptor: the buffer's address, a length with a command above it, and the state, which the device writes.
const DESCRIPTOR: usize = 16;
const LENGTH: usize = 8;
const STATE: usize = 12;
/// In the state: the device has done with it; it has a whole frame; what is wrong with that.
const DONE: u32 = 1;
const WHOLE: u32 = 1 << 1;
const WRONG: u32 = 0xff << 8;
/// The command: a whole frame, add the checksum, tell when it is done.
const SEND: u32 = (1 | 1 << 1 | 1 << 3) << 24;

/// What differs: where the registers are, the control register and what starts the ring there, the cause, and how many
/// entries the device has at first. (One stays out, so that full and empty differ.)
pub struct Kind {
    base: usize,
    control: (usize, u32),
    cause: u32,
    full: usize,
}

/// Frames to its own address or to all, without checksums; in loopback also what it sends.
const TAKE: u32 = 1 << 1 | 1 << 15 | 1 << 26;
pub const RECEIVE: Kind = Kind { base: 0x2800, control: (0x100, TAKE), cause: RECEIVED, full: ENTRIES - 1 };
pub const LOOPBACK: Kind = Kind { control: (0x100, TAKE | 1 << 6), ..RECEIVE };
const PUT: u32 = 1 << 1 | 1 << 3 | 0xf << 4 | 0x40 << 12;
pub const TRANSMIT: Kind = Kind { base: 0x3800, control: (0x400, PUT), cause: SENT, full: 0 };

pub struct Ring {
    kind: Kind,
    chip: MappedRegisters,
    /// The descriptors, then the buffers.
    shared: vfio::DmaBuffer,
    /// From the head to the tail the entries are the device's, or done.
    head: usize,
    tail: usize,
    runs: bool,
}

impl Ring {
    pub fn new(device: &vfio::PciDevice, chip: &MappedRegisters, kind: Kind) -> Result<Self, Error> {
        let shared = device.dma_buffer(ENTRIES * (DESCRIPTOR + BUFFER))?;
        for entry in 0..ENTRIES {
            shared.memory().write64(entry * DESCRIPTOR, shared.iova() + buffer(entry) as u64);
        }
        let (chip, tail) = (chip.clone(), kind.full);
        Ok(Self { kind, chip, shared, head: 0, tail, runs: false })
    }

    /// The enable callback goes on where the ring was stopped, and sends what waits.
    pub fn start(&mut self) {
        let first = (self.head..).map(|at| at % ENTRIES).find(|&at| !self.is_done(at)).unwrap_or(self.tail);
        let iova = self.shared.iova();
        let setup = [iova as u32, (iova >> 32) as u32, (ENTRIES * DESCRIPTOR) as u32, first as u32];
        for (register, value) in [0x00, 0x04, 0x08, 0x10].into_iter().zip(setup) {
            self.chip.write32(self.kind.base + register, value);
        }
        self.chip.write32(self.kind.control.0, self.kind.control.1);
        self.runs = true;
        self.hand_over();
        self.chip.write32(ALLOW, self.kind.cause);
        self.chip.write32(RAISE, self.kind.cause); // what has come before is looked at
    }

    /// The disable callback stops DMA, but for what is under way: the D0-exit callback waits for that.
    pub fn stop(&mut self) {
        self.quiet();
        self.chip.write32(self.kind.control.0, 0);
        self.runs = false;
    }

    /// Keeps the device from interrupting. Returns whether it is still there.
    pub fn quiet(&self) -> bool {
        self.chip.write32(FORBID, self.kind.cause);
        self.chip.read32_live(STATUS).is_some()
    }

    /// The unmask callback lets it interrupt again, for what is new, and looks once more.
    pub fn arm(&mut self) -> Work {
        self.chip.write32(CAUSES, self.kind.cause);
        self.chip.write32(ALLOW, self.kind.cause);
        if !self.is_done(self.head) {
            return Work::Done;
        }
        self.quiet();
        Work::Again
    }

    fn is_done(&self, entry: usize) -> bool {
        entry != self.tail && self.state(entry) & DONE != 0
    }

    fn state(&self, entry: usize) -> u32 {
        self.shared.memory().read32(entry * DESCRIPTOR + STATE)
    }

    /// Puts an entry at the tail.
    fn put(&mut self, length: u32) {
        self.shared.memory().write64(self.tail * DESCRIPTOR + LENGTH, length.into()); // with a state of 0
        self.tail = (self.tail + 1) % ENTRIES;
    }

    /// Tells the device of what was put.
    fn hand_over(&self) {
        fence(Ordering::Release); // it is in memory before
        if self.runs {
            self.chip.write32(self.kind.base + 0x18, self.tail as u32);
        }
    }

    /// Takes an entry that is done from the head.
    fn take(&mut self) -> Option<usize> {
        let entry = self.head;
        self.is_done(entry).then(|| {
            fence(Ordering::Acquire); // what it holds is looked at afterwards
            self.head = (entry + 1) % ENTRIES;
            entry
        })
    }

    /// Returns up to `budget` frames that have come. One that is damaged is empty.
    pub fn receive(&mut self, budget: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::with_capacity(budget);
        while frames.len() < budget
            && let Some(entry) = self.take()
        {
            let length = self.shared.memory().read16(entry * DESCRIPTOR + LENGTH).into();
            let is_right = self.state(entry) & (WHOLE | WRONG) == WHOLE && length <= BUFFER;
            let mut frame = vec![0; if is_right { length } else { 0 }];
            self.shared.read(buffer(entry), &mut frame);
            frames.push(frame);
            self.put(0);
        }
        self.hand_over();
        frames
    }

    /// Takes back up to `budget` entries of frames that were sent. Returns how many.
    pub fn reap(&mut self, budget: usize) -> usize {
        (0..budget).map_while(|_| self.take()).count()
    }

    /// Sends frames, as many as there is room for. Returns how many.
    pub fn send(&mut self, frames: &[Vec<u8>]) -> u32 {
        let room = (self.head + ENTRIES - 1 - self.tail) % ENTRIES;
        for frame in &frames[..room.min(frames.len())] {
            self.shared.write(buffer(self.tail), frame);
            self.put(SEND | frame.len() as u32);
        }
        self.hand_over();
        room.min(frames.len()) as u32
    }
}

fn buffer(entry: usize) -> usize {
    ENTRIES * DESCRIPTOR + entry * BUFFER
}
