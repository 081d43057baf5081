//! A pair of queues: rings of commands and of completions in memory that the controller shares, and their doorbells.

use std::collections::VecDeque;
use std::sync::atomic::{Ordering, fence};

use interrupt_lock::{
    Error, Registers,
    linux::{MappedRegisters, vfio},
};

use crate::command::{Command, Completion};

/// How many entries each ring has. One of them stays empty, so that full and empty differ.
pub const ENTRIES: u16 = 64;

const COMMAND: usize = 64;
const COMPLETION: usize = 16;

/// The words of a completion, as offsets in bytes. The second one has the phase mark and the status above the command's
/// number.
const RESULT: usize = 0;
const STATUS_AND_COMMAND: usize = 12;
const PHASE: u32 = 1 << 16;
const STATUS_SHIFT: u32 = 17;

pub struct QueuePair {
    id: u16,
    /// The message number that its completions come with.
    vector: u32,
    submissions: vfio::DmaBuffer,
    completions: vfio::DmaBuffer,
    registers: MappedRegisters,
    /// Where in the registers the controller is told of new commands, and of completions that have been taken.
    doorbells: [usize; 2],
    tail: u16,
    head: u16,
    /// How the controller marks a completion in this round through the ring.
    phase: bool,
    /// Taken by the ISR, and not yet passed on. It has room for a ring: the ISR does not allocate.
    done: VecDeque<Completion>,
    submitted: u64,
    completed: u64,
}

impl QueuePair {
    /// `doorbells`: where the first is, and how far each is from the next.
    pub fn new(
        device: &vfio::PciDevice,
        registers: MappedRegisters,
        doorbells: (usize, usize),
        id: u16,
        vector: u32,
    ) -> Result<Self, Error> {
        let (first, stride) = doorbells;
        let own = first + 2 * usize::from(id) * stride;
        Ok(Self {
            id,
            vector,
            submissions: device.dma_buffer(COMMAND * usize::from(ENTRIES))?,
            completions: device.dma_buffer(COMPLETION * usize::from(ENTRIES))?,
            registers,
            doorbells: [own, own + stride],
            tail: 0,
            head: 0,
            phase: true,
            done: VecDeque::with_capacity(ENTRIES.into()),
            submitted: 0,
            completed: 0,
        })
    }

    pub fn id(&self) -> u16 {
        self.id
    }

    pub fn vector(&self) -> u32 {
        self.vector
    }

    /// Where the rings are, as the controller sees them: of commands, of completions.
    pub fn rings(&self) -> [u64; 2] {
        [self.submissions.iova(), self.completions.iova()]
    }

    /// Hands a command over. The caller has no more under way than the ring holds.
    pub fn submit(&mut self, command: Command) {
        let at = usize::from(self.tail) * COMMAND;
        for (place, word) in command.0.iter().enumerate() {
            self.submissions.memory().write32(at + 4 * place, *word);
        }
        self.tail = (self.tail + 1) % ENTRIES;
        self.submitted += 1;
        // Release: the command is in memory before the controller is told of it.
        fence(Ordering::Release);
        self.registers.write32(self.doorbells[0], self.tail.into());
    }

    /// Takes what has been completed: what the ISR does. Returns whether there was anything.
    pub fn drain(&mut self) -> bool {
        let before = self.completed;
        while let Some(completion) = self.next_completion() {
            self.done.push_back(completion);
            self.completed += 1;
            self.head = (self.head + 1) % ENTRIES;
            self.phase ^= self.head == 0;
        }
        let any = self.completed != before;
        if any {
            self.registers.write32(self.doorbells[1], self.head.into());
        }
        any
    }

    /// Whether something has been completed and not been taken.
    pub fn has_completed(&self) -> bool {
        self.next_completion().is_some()
    }

    fn next_completion(&self) -> Option<Completion> {
        let at = usize::from(self.head) * COMPLETION;
        let last = self.completions.memory().read32(at + STATUS_AND_COMMAND);
        if (last & PHASE != 0) != self.phase {
            return None;
        }
        // Acquire: what the command has brought into memory is looked at after the mark that says so.
        fence(Ordering::Acquire);
        let result = self.completions.memory().read32(at + RESULT);
        Some(Completion { queue: self.id, command: last as u16, status: (last >> STATUS_SHIFT) as u16, result })
    }

    /// A completion to be passed on.
    pub fn take_done(&mut self) -> Option<Completion> {
        self.done.pop_front()
    }

    /// How many commands were submitted, and how many of them completed.
    pub fn account(&self) -> (u64, u64) {
        (self.submitted, self.completed)
    }
}
