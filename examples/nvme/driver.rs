//! The driver: from a PCI address to queues that take commands.

use std::fmt::{self, Display, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use interrupt_lock::{Error, Interrupt, InterruptObject, Name, Stats, Table, WithWorkItem, linux::vfio};

use crate::arguments::Locks;
use crate::command::{Command, Completion, pairs_granted};
use crate::controller::Controller;
use crate::failure::Failure;
use crate::interrupts::{self, Queues};
use crate::queue::{ENTRIES, QueuePair};

/// The admin queue is number 0.
const ADMIN: u16 = 0;
/// Pairs of I/O queues.
pub const PAIRS: u16 = 2;

const CLASS: u64 = 0x09;
/// Mass storage, non-volatile memory, NVM Express.
const NVME: [u8; 3] = [0x02, 0x08, 0x01];

/// What a command reads or writes at most: a page, so that one address says where it is.
pub const BLOCK: usize = 4096;

/// Longer than any command takes.
const LONG: Duration = Duration::from_secs(30);

/// Its fields are dropped in this order: the controller stops, so that nothing writes to memory any more, whatever is under
/// way; then the interrupts end, and the memory is unmapped.
pub struct Nvme {
    controller: Controller,
    interrupts: Vec<Interrupt<Queues>>,
    /// By the number of the pair of queues.
    pub ports: Vec<Port>,
    locks: Locks,
    pub sector: u64,
    pub sectors: u64,
}

/// The way to a pair of queues, for one thread.
pub struct Port {
    queue: u16,
    /// The one whose lock protects it. (It ends with its handle, whoever keeps the object.)
    interrupt: Arc<InterruptObject<Queues, WithWorkItem>>,
    completions: Receiver<Completion>,
    /// A block for each command that may be under way.
    pub memory: vfio::DmaBuffer,
}

impl Nvme {
    /// `depth`: how many commands each pair of queues may have under way.
    pub fn open(address: &str, locks: Locks, depth: u16) -> Result<Self, Failure> {
        let device = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
        if device.config_read(CLASS).map_err(Failure::of_the_device)? != NVME {
            return Err(Failure::Device(format!("{address} is not an NVMe controller")));
        }
        let controller = Controller::new(device.registers(0).map_err(Failure::of_the_device)?)?;
        // As many vectors as there are queues, or fewer: then several queues share the last.
        let vectors = device.msix(u32::from(PAIRS) + 1).map_err(Failure::of_the_device)?;
        let last = vectors.granted() - 1;
        let queue = |id| {
            let registers = controller.registers().clone();
            QueuePair::new(&device, registers, controller.doorbells(), id, u32::from(id).min(last))
        };
        let queues: Queues = (ADMIN..=PAIRS).map(queue).collect::<Result<_, _>>().map_err(Failure::of_the_device)?;
        let places: Vec<_> = queues.iter().map(|queue| (queue.id(), queue.vector(), queue.rings())).collect();
        let (reports, waiting): (Vec<_>, Vec<_>) = places.iter().map(|_| mpsc::channel()).unzip();
        let interrupts = interrupts::build(&vectors, queues, locks, address, controller.registers(), &reports)
            .map_err(Failure::of_the_device)?;
        let port = |(&(queue, vector, _), completions): (&(u16, u32, [u64; 2]), _)| {
            let interrupt = interrupts[vector as usize].object().clone();
            Ok(Port { queue, interrupt, completions, memory: device.dma_buffer(BLOCK * usize::from(depth))? })
        };
        let ports: Result<_, Error> = places.iter().zip(waiting).map(port).collect();
        let ports = ports.map_err(Failure::of_the_device)?;
        let mut this = Self { controller, interrupts, ports, locks, sector: 0, sectors: 0 };
        for interrupt in &this.interrupts {
            interrupt.enable()?;
        }
        this.controller.start(places[usize::from(ADMIN)].2)?;
        this.identify()?;
        let admin = &this.ports[usize::from(ADMIN)];
        let pairs = pairs_granted(admin.run(Command::number_of_queues(PAIRS))?.result);
        if pairs < PAIRS.into() {
            return Err(Failure::Device(format!("{address} has {pairs} of {PAIRS} pairs of I/O queues")));
        }
        for &(id, vector, [submissions, completions]) in &places[usize::from(ADMIN) + 1..] {
            admin.run(Command::create_completion_queue(id, ENTRIES, completions, vector))?;
            admin.run(Command::create_submission_queue(id, ENTRIES, submissions))?;
        }
        Ok(this)
    }

    /// Asks how large the namespace is, and how it is divided.
    fn identify(&mut self) -> Result<(), Failure> {
        let admin = &self.ports[usize::from(ADMIN)];
        let about = &admin.memory;
        admin.run(Command::identify_namespace(about.iova()))?;
        let (mut sectors, mut format, mut formats) = ([0; 8], [0], [0; 64]);
        about.read(0, &mut sectors);
        about.read(26, &mut format);
        about.read(128, &mut formats);
        self.sectors = u64::from_le_bytes(sectors);
        if self.sectors == 0 {
            return Err(Failure::Device("it has no first namespace".into())); // all zeros speak of one that isn't there
        }
        let [metadata @ .., shift, _] = formats.as_chunks::<4>().0[usize::from(format[0] & 0xf)];
        if metadata != [0, 0] {
            // They would be transferred beyond the block's memory, or to a place that no command names.
            return Err(Failure::Device("its sectors have metadata, which this driver does not handle".into()));
        }
        self.sector =
            1_u64.checked_shl(shift.into()).filter(|sector| (512..=4096).contains(sector)).ok_or_else(|| {
                Failure::Device(format!(
                    "its sectors of 2 to the power of {shift} bytes are not what this driver is for"
                ))
            })?;
        Ok(())
    }

    /// What was had of what was asked for.
    pub fn account(&self) -> impl Display {
        let (granted, asked) = (self.interrupts.len(), PAIRS + 1);
        format!("{granted} of {asked} vectors, {}", self.locks)
    }

    /// Disables the interrupts, and says what they and the queues have done. Every command has been answered by now.
    pub fn finish(self) -> Result<impl Display, Failure> {
        for interrupt in &self.interrupts {
            interrupt.disable()?;
        }
        let mut report = Report { commands: String::new(), rows: Vec::new() };
        for port in &self.ports {
            let (submitted, completed) = port.account();
            if submitted != completed {
                let why = format!("queue {}: {submitted} commands submitted, {completed} completed", port.queue);
                return Err(Failure::Run(why));
            }
            let _ = write!(report.commands, " {completed}"); // a string takes everything
        }
        report.rows = self.interrupts.iter().map(|each| (each.name().clone(), each.stats())).collect();
        Ok(report)
    }
}

impl Port {
    /// Hands a command over. It never waits longer than a section lasts.
    pub fn submit(&self, command: Command) {
        self.of_the_queue(|queue| queue.submit(command));
    }

    /// Waits for the next completion. The error says if the device went away meanwhile.
    pub fn completion(&self) -> Result<Completion, Failure> {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            if let Ok(completion) = self.completions.recv_timeout(Duration::from_millis(100)) {
                if completion.status != 0 {
                    let Completion { queue, command, status, .. } = completion;
                    return Err(Failure::Run(format!(
                        "queue {queue}: command {command} failed with status {status:#x}"
                    )));
                }
                return Ok(completion);
            }
            self.interrupt.check()?;
        }
        Err(Failure::Run(format!("queue {}: no answer within {LONG:?}", self.queue)))
    }

    /// One command alone.
    fn run(&self, command: Command) -> Result<Completion, Failure> {
        self.submit(command);
        self.completion()
    }

    fn account(&self) -> (u64, u64) {
        self.of_the_queue(|queue| queue.account())
    }

    fn of_the_queue<R>(&self, section: impl FnOnce(&mut QueuePair) -> R) -> R {
        let mut queues = self.interrupt.acquire_interrupt_lock();
        let queue = queues.iter_mut().find(|queue| queue.id() == self.queue);
        section(queue.expect("the lock protects the queue of its port"))
    }
}

struct Report {
    commands: String,
    rows: Vec<(Name, Stats)>,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commands {}, all completed (admin, and each pair of queues)", self.commands)?;
        write!(f, "{}", Table::from(&self.rows[..]))
    }
}
