//! What the device is made to do: blocks are written by one pair of queues and read by the other.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::Command;
use crate::driver::{BLOCK, Nvme};
use crate::failure::Failure;
use crate::port::Port;

/// Writes `blocks` blocks: those of odd number through one pair of queues and the others through the other, each with
/// `depth` commands under way. Then each pair reads what the other has written, and compares it.
pub fn run(nvme: &mut Nvme, blocks: u64, depth: u16) -> Result<(), Failure> {
    let per_block = BLOCK as u64 / nvme.namespace.sector;
    let there_are = nvme.namespace.sectors / per_block;
    if blocks > there_are {
        return Err(Failure::Device(format!("{blocks} blocks of {BLOCK} bytes are asked for, and it has {there_are}")));
    }
    // Another run before this one left other contents: they must not pass for what this one writes.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    for direction in [Direction::Write, Direction::Read] {
        let transfers = |port| Transfers { port, per_block, seed, direction };
        in_parallel(nvme.io_ports().iter_mut().map(transfers).collect(), blocks, depth)?;
    }
    Ok(())
}

/// Every pair of queues has a thread of its own.
fn in_parallel<'a>(all: Vec<Transfers<'a>>, blocks: u64, depth: u16) -> Result<(), Failure> {
    let pairs = all.len();
    thread::scope(|scope| {
        let work = |(number, transfers): (u64, Transfers<'a>)| {
            let first = (number + u64::from(transfers.direction == Direction::Read)) % pairs as u64;
            thread::Builder::new().spawn_scoped(scope, move || transfers.run((first..blocks).step_by(pairs), depth))
        };
        let threads: Vec<_> = (0..).zip(all).map(work).collect();
        let outcomes = threads.into_iter().map(|thread| {
            let ended = thread.map_err(Failure::of_the_run)?.join();
            ended.unwrap_or_else(|_| Err(Failure::Run("a thread that transfers blocks panicked".into())))
        });
        // All of them end before the first failure is told.
        outcomes.collect::<Vec<_>>().into_iter().collect()
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Write,
    Read,
}

/// What one thread does with one pair of queues.
struct Transfers<'a> {
    /// A command's number is its block's place in the memory of the port.
    port: &'a mut Port,
    /// Sectors.
    per_block: u64,
    seed: u64,
    direction: Direction,
}

impl Transfers<'_> {
    fn run(&self, mut blocks: impl Iterator<Item = u64>, depth: u16) -> Result<(), Failure> {
        let mut under_way: Vec<Option<u64>> = vec![None; depth.into()];
        for place in 0..depth {
            under_way[usize::from(place)] = blocks.next().inspect(|block| self.begin(place, *block));
        }
        while under_way.iter().any(Option::is_some) {
            let place = self.port.completion()?.command;
            let slot = under_way.get_mut(usize::from(place));
            let Some((slot, block)) = slot.and_then(|slot| slot.take().map(|block| (slot, block))) else {
                return Err(Failure::Run(format!("the answer to command {place}, which is not under way")));
            };
            self.end(place, block)?;
            *slot = blocks.next().inspect(|block| self.begin(place, *block));
        }
        Ok(())
    }

    fn begin(&self, place: u16, block: u64) {
        let at = usize::from(place) * BLOCK;
        let (memory, sector) = (self.port.memory.iova() + at as u64, block * self.per_block);
        let sectors = self.per_block as u16; // at most 8
        let command = match self.direction {
            Direction::Write => {
                self.port.memory.write(at, &contents(self.seed, block));
                Command::write(sector, sectors, memory)
            }
            Direction::Read => {
                self.port.memory.write(at, &[0; BLOCK]); // what is there afterwards has been read
                Command::read(sector, sectors, memory)
            }
        };
        self.port.submit(command.numbered(place));
    }

    fn end(&self, place: u16, block: u64) -> Result<(), Failure> {
        if self.direction == Direction::Write {
            return Ok(());
        }
        let mut read = [0; BLOCK];
        self.port.memory.read(usize::from(place) * BLOCK, &mut read);
        let expected = contents(self.seed, block);
        match read.iter().zip(&expected).position(|(read, expected)| read != expected) {
            None => Ok(()),
            Some(at) => Err(Failure::Run(format!(
                "block {block}: byte {at} is {:#04x}, and {:#04x} was written",
                read[at], expected[at]
            ))),
        }
    }
}

/// What a block is to hold: nothing that another block, or another run, would.
fn contents(seed: u64, block: u64) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let mut state = seed ^ block.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in bytes.as_chunks_mut::<8>().0 {
        // A linear congruential generator: each word differs from the one before.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *word = (state ^ state >> 29).to_le_bytes();
    }
    bytes
}
