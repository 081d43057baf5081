//! The device as a whole: registers, reset, set-up (Intel's datasheet of the 82574, chapter 10).

use interrupt_lock::{Registers, linux::MappedRegisters};

const CONTROL: usize = 0x00;
pub const STATUS: usize = 0x08;
pub const CAUSES: usize = 0xc0; // to clear those that are written
pub const RAISE: usize = 0xc8;
pub const ALLOW: usize = 0xd0;
pub const FORBID: usize = 0xd8;
const AUTO_CLEAR: usize = 0xdc;
const VECTORS: usize = 0xe4;
const THROTTLES: [usize; 5] = [0xe8, 0xec, 0xf0, 0xf4, 0xf8];
const ADDRESS: [usize; 2] = [0x5400, 0x5404];

/// In CONTROL, then in STATUS.
const NO_MASTER: u32 = 1 << 2;
const LINK_UP: u32 = 1 << 6;
const RESET: u32 = 1 << 26;
pub const LINK_IS_UP: u32 = 1 << 1;
const IS_MASTER: u32 = 1 << 19;
/// Causes: queue 0 has received, queue 0 has sent, the link or something else has changed.
pub const RECEIVED: u32 = 1 << 20;
pub const SENT: u32 = 1 << 22;
pub const OTHER: u32 = 1 << 24 | 1 << 2;
/// Their vectors are 0, 1 and 2. Bit 3 of each field makes it valid.
const ASSIGNMENT: u32 = 1 << 31 | 0x8 | 0x9 << 8 | 0xa << 16;

/// The D0-exit callback waits until the device uses no memory. The time is bounded: one that is gone reads as all ones.
pub fn reset(chip: &MappedRegisters) -> Result<(), &'static str> {
    for (command, register, bit) in [(NO_MASTER, STATUS, IS_MASTER), (RESET, CONTROL, RESET)] {
        chip.write32(CONTROL, command);
        let wait = |_| std::thread::sleep(std::time::Duration::from_millis(1));
        if !(0..100).map(wait).any(|()| chip.read32(register) & bit == 0) {
            return Err("it can't be reset");
        }
    }
    chip.write32(FORBID, u32::MAX);
    Ok(())
}

/// The D0-entry callback needs no ring: the enable callback of its interrupt sets each up.
pub fn power_up(chip: &MappedRegisters) -> Result<(), &'static str> {
    reset(chip)?;
    THROTTLES.into_iter().for_each(|throttle| chip.write32(throttle, 0));
    chip.write32(VECTORS, ASSIGNMENT);
    chip.write32(AUTO_CLEAR, RECEIVED | SENT);
    chip.write32(CONTROL, LINK_UP);
    Ok(())
}

pub fn address(chip: &MappedRegisters) -> [u8; 6] {
    let [[a, b, c, d], [e, f, ..]] = ADDRESS.map(|register| chip.read32(register).to_le_bytes());
    [a, b, c, d, e, f]
}
