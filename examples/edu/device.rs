//! What the driver knows of an `edu`: the registers that it uses, as offsets in bytes, their bits, and its pace.

use std::time::{Duration, Instant};

pub const FACTORIAL: usize = 0x08;
pub const STATUS: usize = 0x20;
pub const INTERRUPT_STATUS: usize = 0x24;
pub const ACKNOWLEDGE: usize = 0x64;

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
