//! The device's BAR.

use std::sync::Arc;
use std::time::Instant;

use crate::simulated::edu::shared_model::SharedModel;
use crate::source::registers::Registers;

/// BAR 0 of an [`Edu`](super::Edu): 1 MiB, laid out as described there.
///
/// - A clone is another handle to the same registers. Each keeps the device in existence.
/// - An access takes the device's own mutex for a moment.
/// - A write that interrupts runs the interrupt's waker before it returns. In the same way a write to a real device may
///   interrupt the very processor that made it.
/// - Once the device is [removed](super::Step::Remove), every read gives all ones, and writes are ignored.
///
/// # Panics
///
/// - As every block of [`Registers`]: at an access outside the block, or at an offset that isn't a multiple of its
///   width.
/// - At the write that starts the first computation, if the system has no thread left for the device.
///
/// ```
/// use interrupt_lock::{Registers, simulated::Edu};
///
/// const INTERRUPT_STATUS: usize = 0x24;
/// const RAISE: usize = 0x60;
/// const ACKNOWLEDGE: usize = 0x64;
///
/// let registers = Edu::new().registers();
/// assert_eq!(registers.len(), 1 << 20);
/// registers.write32(RAISE, 0b110);
/// registers.write32(ACKNOWLEDGE, 0b010);
/// assert_eq!(registers.read32(INTERRUPT_STATUS), 0b100);
/// ```
#[derive(Clone, Debug)]
pub struct EduRegisters(Arc<SharedModel>);

const LEN: usize = 1 << 20;

impl EduRegisters {
    pub(super) fn new(device: Arc<SharedModel>) -> Self {
        Self(device)
    }

    #[track_caller]
    fn read(&self, offset: usize, width: usize) -> u64 {
        check(offset, width);
        self.0.with(|model| model.read(offset, width))
    }
}

impl Registers for EduRegisters {
    fn len(&self) -> usize {
        LEN
    }

    #[track_caller]
    fn read8(&self, offset: usize) -> u8 {
        self.read(offset, 1) as u8
    }

    #[track_caller]
    fn read16(&self, offset: usize) -> u16 {
        self.read(offset, 2) as u16
    }

    #[track_caller]
    fn read32(&self, offset: usize) -> u32 {
        self.read(offset, 4) as u32
    }

    #[track_caller]
    fn read64(&self, offset: usize) -> u64 {
        self.read(offset, 8)
    }

    // The device has no register that a write of another width than 32 bits would change.
    #[track_caller]
    fn write8(&self, offset: usize, _: u8) {
        check(offset, 1);
    }

    #[track_caller]
    fn write16(&self, offset: usize, _: u16) {
        check(offset, 2);
    }

    #[track_caller]
    fn write32(&self, offset: usize, value: u32) {
        check(offset, 4);
        self.0.act(|model| model.write32(offset, value, Instant::now()));
    }

    #[track_caller]
    fn write64(&self, offset: usize, _: u64) {
        check(offset, 8);
    }
}

#[track_caller]
fn check(offset: usize, width: usize) {
    assert!(
        offset.checked_add(width).is_some_and(|end| end <= LEN),
        "{width} bytes at {offset:#x} are outside the {LEN:#x} bytes of registers"
    );
    assert!(offset.is_multiple_of(width), "{width} bytes at {offset:#x} are not aligned");
}
