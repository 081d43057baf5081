//! A peer that is asked for its address, then for echoes of all sizes, one after the other.

use crate::failure::Failure;
use crate::loopback::compare;
use crate::nic::{Event, Nic};

const HOST: [u8; 4] = [10, 0, 2, 15];
const PEER: [u8; 4] = [10, 0, 2, 2];

pub fn run(nic: &Nic, echoes: u32) -> Result<String, Failure> {
    let here = nic.address;
    let arp = |to: [u8; 6], kind, from: [u8; 6], source: [u8; 4], target: [u8; 6], whose: [u8; 4]| {
        [&to[..], &from, &[8, 6, 0, 1, 8, 0, 6, 4, 0, kind], &from, &source, &target, &whose].concat()
    };
    let reply = ask(nic, arp([0xff; 6], 1, here, HOST, [0; 6], PEER))?;
    let peer = std::array::from_fn(|at| reply[6 + at]);
    compare(&reply, &padded(arp(here, 2, peer, PEER, here, HOST), &reply), "the ARP reply")?;
    for n in 0..echoes {
        let payload: Vec<u8> = (0..n % 1473).map(|at| (at * 7 + n) as u8).collect();
        // `life`, with its identification before it, is the sender's choice.
        let icmp = |to: [u8; 6], from: [u8; 6], life: [u8; 5], source: [u8; 4], target: [u8; 4], kind| {
            let [id, id2, part, part2, life] = life;
            let [length, length2] = (28 + payload.len() as u16).to_be_bytes();
            let ip = [&[0x45, 0, length, length2, id, id2, part, part2, life, 1, 0, 0][..], &source, &target].concat();
            let icmp = [&[kind, 0, 0, 0, 0x49, 0x4c, (n >> 8) as u8, n as u8], &payload[..]].concat();
            [&to[..], &from, &[8, 0], &summed(ip, 10), &summed(icmp, 2)].concat()
        };
        let reply = ask(nic, icmp(peer, here, [0, 1, 0, 0, 64], HOST, PEER, 8))?;
        let expected = icmp(here, peer, std::array::from_fn(|at| reply[18 + at]), PEER, HOST, 0);
        compare(&reply, &padded(expected, &reply), format_args!("echo {n}"))?;
    }
    Ok(format!("peer      {} frames: its address and {echoes} echoes, all contents right", echoes + 1))
}

/// Sends a frame, and waits for the one that answers it.
fn ask(nic: &Nic, frame: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let question = [frame];
    while nic.transmit.synchronize(|ring| ring.send(&question)) == 0 {
        nic.event()?; // frames were sent, and not taken back yet
    }
    loop {
        match nic.event()? {
            Event::Received(mut frames) if !frames.is_empty() => return Ok(frames.remove(0)),
            _ => {}
        }
    }
}

/// Short frames come with zeros at their end.
fn padded(mut frame: Vec<u8>, came: &[u8]) -> Vec<u8> {
    frame.resize(came.len().min(64).max(frame.len()), 0);
    frame
}

/// Puts the Internet's checksum of `bytes` at `place`, where zeros are.
fn summed(mut bytes: Vec<u8>, place: usize) -> Vec<u8> {
    let word = |word: &[u8]| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
    let sum: u32 = bytes.chunks(2).map(word).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    bytes[place..place + 2].copy_from_slice(&(!(folded + (folded >> 16)) as u16).to_be_bytes());
    bytes
}
