//! Frames of all sizes that the card sends to itself, compared as they come back, in order.

use crate::failure::Failure;
use crate::nic::{Event, Nic};

/// How many frames may be under way: fewer than a ring holds.
const WINDOW: u32 = 128;
/// Sizes without the checksum.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 1514;

/// `progress` is told how many frames have come back.
pub fn run(nic: &Nic, frames: u32, progress: impl Fn(u32)) -> Result<(), Failure> {
    let (mut sent, mut reaped, mut received) = (0, 0, 0);
    while reaped < frames || received < frames {
        let new: Vec<_> = (sent..frames.min(received + WINDOW)).map(|n| contents(nic, n)).collect();
        sent += nic.transmit.synchronize(|ring| ring.send(&new));
        match nic.event()? {
            Event::Sent(count) => reaped += count as u32,
            Event::Received(batch) => {
                for frame in batch {
                    compare(&frame, &contents(nic, received), format_args!("frame {received}"))?;
                    received += 1;
                }
                progress(received);
            }
            Event::Link { .. } => {}
        }
    }
    Ok(())
}

fn contents(nic: &Nic, n: u32) -> Vec<u8> {
    let mut frame = [&nic.address[..], &nic.address, &[0x88, 0xb5]].concat();
    frame.resize((SHORTEST + n % (LONGEST - SHORTEST + 1)) as usize, 0);
    let mut state = u64::from(n) << 32 | 1;
    for bytes in frame[14..].chunks_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.copy_from_slice(&(state ^ state >> 29).to_le_bytes()[..bytes.len()]);
    }
    frame
}

/// Fails unless the frames are the same.
pub fn compare(came: &[u8], expected: &[u8], what: impl std::fmt::Display) -> Result<(), Failure> {
    if came == expected {
        return Ok(());
    }
    let at = came.iter().zip(expected).take_while(|(came, expected)| came == expected).count();
    let (came, expected) = (came.len(), expected.len());
    Err(Failure::Run(format!("{what}: {came} bytes of {expected} came, and they differ from byte {at} on")))
}
