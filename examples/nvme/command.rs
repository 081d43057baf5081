//! What the controller is told, and what it answers (NVM Express base specification, command sets).

/// A submission queue entry: sixteen little-endian words.
#[derive(Clone, Copy)]
pub struct Command(pub [u32; 16]);

/// The namespace that is written to.
const NAMESPACE: u32 = 1;

/// The physical memory of a queue is one piece.
const CONTIGUOUS: u32 = 1;
/// A completion queue signals.
const SIGNALS: u32 = 1 << 1;

/// Opcodes of admin commands.
mod admin {
    pub const CREATE_SUBMISSION_QUEUE: u32 = 0x01;
    pub const CREATE_COMPLETION_QUEUE: u32 = 0x05;
    pub const IDENTIFY: u32 = 0x06;
    pub const SET_FEATURES: u32 = 0x09;
}

/// Opcodes of I/O commands.
mod io {
    pub const WRITE: u32 = 0x01;
    pub const READ: u32 = 0x02;
}

/// A feature: how many I/O queues there are of either kind.
const NUMBER_OF_QUEUES: u32 = 0x07;

/// The words of an entry: opcode and command identifier, namespace, the address of the data in two halves, and from
/// `PARAMETERS` on what each command has of its own.
const OPCODE: usize = 0;
const NAMESPACE_ID: usize = 1;
const DATA_LOW: usize = 6;
const DATA_HIGH: usize = 7;
const PARAMETERS: usize = 10;

impl Command {
    fn new(opcode: u32, memory: u64) -> Self {
        let mut words = [0; 16];
        words[OPCODE] = opcode;
        words[DATA_LOW] = memory as u32;
        words[DATA_HIGH] = (memory >> 32) as u32;
        Self(words)
    }

    fn of_namespace(mut self) -> Self {
        self.0[NAMESPACE_ID] = NAMESPACE;
        self
    }

    fn with(mut self, parameters: &[u32]) -> Self {
        self.0[PARAMETERS..PARAMETERS + parameters.len()].copy_from_slice(parameters);
        self
    }

    /// The number by which its completion is known.
    pub fn numbered(mut self, id: u16) -> Self {
        self.0[OPCODE] |= u32::from(id) << 16;
        self
    }

    /// Admin: has 4 KiB about the namespace written to `to`.
    pub fn identify_namespace(to: u64) -> Self {
        Self::new(admin::IDENTIFY, to).of_namespace()
    }

    /// Admin: asks for so many pairs of I/O queues; [`pairs_granted`] tells the answer.
    pub fn number_of_queues(pairs: u16) -> Self {
        let others = u32::from(pairs) - 1;
        Self::new(admin::SET_FEATURES, 0).with(&[NUMBER_OF_QUEUES, others << 16 | others])
    }

    /// Admin: makes a completion queue at `at` that signals on `vector`.
    pub fn create_completion_queue(id: u16, entries: u16, at: u64, vector: u32) -> Self {
        Self::new(admin::CREATE_COMPLETION_QUEUE, at).with(&[size(id, entries), vector << 16 | SIGNALS | CONTIGUOUS])
    }

    /// Admin: makes a submission queue at `at`, whose commands are answered on the completion queue of the same number.
    pub fn create_submission_queue(id: u16, entries: u16, at: u64) -> Self {
        Self::new(admin::CREATE_SUBMISSION_QUEUE, at).with(&[size(id, entries), u32::from(id) << 16 | CONTIGUOUS])
    }

    /// I/O: writes so many sectors from `from`.
    pub fn write(sector: u64, sectors: u16, from: u64) -> Self {
        Self::transfer(io::WRITE, sector, sectors, from)
    }

    /// I/O: reads so many sectors to `to`.
    pub fn read(sector: u64, sectors: u16, to: u64) -> Self {
        Self::transfer(io::READ, sector, sectors, to)
    }

    fn transfer(opcode: u32, sector: u64, sectors: u16, memory: u64) -> Self {
        let words = [sector as u32, (sector >> 32) as u32, u32::from(sectors) - 1];
        Self::new(opcode, memory).of_namespace().with(&words)
    }
}

/// How many pairs of I/O queues the answer to [`Command::number_of_queues`] allows.
pub fn pairs_granted(result: u32) -> u32 {
    (result & 0xffff).min(result >> 16) + 1
}

/// Its number, and its size less one, as the commands that make a queue want them.
fn size(id: u16, entries: u16) -> u32 {
    (u32::from(entries) - 1) << 16 | u32::from(id)
}

/// What a completion queue entry says.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The pair of queues.
    pub queue: u16,
    /// The command's number.
    pub command: u16,
    /// 0 for success.
    pub status: u16,
    /// What the command has brought about; its meaning is the command's own.
    pub result: u32,
}
