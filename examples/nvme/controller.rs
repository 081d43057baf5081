//! The controller's registers: starting and stopping it.

use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::{Registers, linux::MappedRegisters};

use crate::failure::Failure;
use crate::queue::ENTRIES;

const CAPABILITIES: usize = 0x00;
const CONFIGURATION: usize = 0x14;
pub const STATUS: usize = 0x1c;
const ADMIN_SIZES: usize = 0x24;
const ADMIN_SUBMISSIONS: usize = 0x28;
const ADMIN_COMPLETIONS: usize = 0x30;
const DOORBELLS: usize = 0x1000;

const ENABLE: u32 = 1;
/// Entries of 64 and 16 bytes, as powers of two.
const ENTRY_SIZES: u32 = 6 << 16 | 4 << 20;
const READY: u32 = 1;
const FATAL: u32 = 1 << 1;

/// What CAPABILITIES says.
#[derive(Clone, Copy)]
struct Capabilities(u64);

impl Capabilities {
    /// The most entries that a queue can have.
    fn entries(self) -> u64 {
        (self.0 & 0xffff) + 1
    }

    /// How long the controller may take to start or to stop.
    fn patience(self) -> Duration {
        Duration::from_millis(500) * (self.0 >> 24 & 0xff) as u32
    }

    /// How far each doorbell is from the next, in bytes.
    fn doorbell_stride(self) -> usize {
        4 << (self.0 >> 32 & 0xf)
    }
}

/// Dropping it stops it, and with it all that it reads and writes in memory.
pub struct Controller {
    registers: MappedRegisters,
    capabilities: Capabilities,
}

impl Controller {
    /// The controller, stopped.
    pub fn new(registers: MappedRegisters) -> Result<Self, Failure> {
        let capabilities = Capabilities(registers.read64(CAPABILITIES));
        let this = Self { registers, capabilities };
        if u64::from(ENTRIES) > capabilities.entries() {
            return Err(Failure::Device(format!("it has no queues of {ENTRIES} entries")));
        }
        this.stop()?;
        Ok(this)
    }

    pub fn registers(&self) -> &MappedRegisters {
        &self.registers
    }

    /// Where its first doorbell is, and how far each is from the next.
    pub fn doorbells(&self) -> (usize, usize) {
        (DOORBELLS, self.capabilities.doorbell_stride())
    }

    /// Starts it with these rings for its admin commands.
    pub fn start(&self, [submissions, completions]: [u64; 2]) -> Result<(), Failure> {
        let last = u32::from(ENTRIES) - 1;
        self.registers.write32(ADMIN_SIZES, last << 16 | last);
        self.registers.write64(ADMIN_SUBMISSIONS, submissions);
        self.registers.write64(ADMIN_COMPLETIONS, completions);
        self.registers.write32(CONFIGURATION, ENTRY_SIZES | ENABLE);
        self.wait_until("start", |status| status & (READY | FATAL) == READY)
    }

    /// Stops it. When it has, it touches no memory any more.
    fn stop(&self) -> Result<(), Failure> {
        self.registers.write32(CONFIGURATION, self.registers.read32(CONFIGURATION) & !ENABLE);
        self.wait_until("stop", |status| status & READY == 0)
    }

    /// Waits for as long as the controller says that this may take.
    fn wait_until(&self, what: &str, is_so: impl Fn(u32) -> bool) -> Result<(), Failure> {
        let time = self.capabilities.patience();
        let deadline = Instant::now() + time;
        loop {
            let late = Instant::now() > deadline;
            let Some(status) = self.registers.read32_live(STATUS) else {
                return Err(Failure::Run("the controller is gone".into()));
            };
            if is_so(status) {
                return Ok(());
            }
            if late {
                return Err(Failure::Run(format!(
                    "the controller does not {what} within {time:?} (status {status:#x})"
                )));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // One that is gone, or does not stop, is kept from memory by the IOMMU as soon as the buffers are dropped.
        let _ = self.stop();
    }
}
