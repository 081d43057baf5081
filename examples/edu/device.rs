//! What the driver knows of an `edu`: the registers that it uses, as offsets in bytes, their bits, and its pace.

use std::time::{Duration, Instant};

pub const IDENTIFICATION: usize = 0x00;
pub const FACTORIAL: usize = 0x08;
pub const STATUS: usize = 0x20;
pub const INTERRUPT_STATUS: usize = 0x24;
pub const ACKNOWLEDGE: usize = 0x64;

/// How long the block of registers that this driver uses is.
pub const REGISTERS: usize = 0x100;

/// In IDENTIFICATION: the lowest byte is the same in every version of the device, the others are the version.
pub const KIND: u32 = 0xff;
pub const EDU: u32 = 0xed;
/// In STATUS: a factorial is being computed.
pub const COMPUTING: u32 = 1;
/// In STATUS: assert the interrupt when it is done.
pub const RAISE_WHEN_DONE: u32 = 0x80;

/// Waits for the device, which takes microseconds; an error after a second.
pub fn wait_until(done: impl Fn() -> bool) -> Result<(), &'static str> {
    let since = Instant::now();
    while !done() && since.elapsed() < Duration::from_secs(1) {}
    if done() { Ok(()) } else { Err("the device does not finish what it computes") }
}
