//! The driver: from a PCI address to queues that take commands.

use std::fmt::Display;
use std::sync::mpsc::{self, Receiver};

use interrupt_lock::{Error, Interrupt, linux::vfio};

use crate::arguments::{Arguments, Locks};
use crate::command::{Command, Completion, pairs_granted};
use crate::controller::Controller;
use crate::failure::Failure;
use crate::interrupts::{self, Queues, Sources};
use crate::namespace::Namespace;
use crate::port::Port;
use crate::queue::{ENTRIES, QueuePair};
use crate::report::Report;

/// The admin queue is number 0.
const ADMIN: u16 = 0;
/// Pairs of I/O queues.
const PAIRS: u16 = 2;

/// The class code's place in the configuration space.
const CLASS: u64 = 0x09;
/// Mass storage, non-volatile memory, NVM Express.
const NVME: [u8; 3] = [0x02, 0x08, 0x01];

/// What a command reads or writes at most: a page, so that one address says where it is.
pub const BLOCK: usize = 4096;

/// Its fields are dropped in this order: the controller stops, so that nothing writes to memory any more, whatever is
/// under way; then the interrupts end, and the memory is unmapped.
pub struct Nvme {
    controller: Controller,
    interrupts: Vec<Interrupt<Queues>>,
    /// By the number of the pair of queues.
    ports: Vec<Port>,
    locks: Locks,
    line: bool,
    pub namespace: Namespace,
}

/// Where a pair of queues is.
struct Place {
    queue: u16,
    vector: u32,
    rings: [u64; 2],
}

impl Nvme {
    pub fn open(arguments: &Arguments) -> Result<Self, Failure> {
        let &Arguments { ref address, locks, depth, line, .. } = arguments;
        let device = open_device(address)?;
        let controller = Controller::new(device.registers(0).map_err(Failure::of_the_device)?)?;
        // As many vectors as there are queues, or fewer: then several queues share the last.
        let sources = if line { Sources::line(&device) } else { Sources::vectors(&device, u32::from(PAIRS) + 1) };
        let sources = sources.map_err(Failure::of_the_device)?;
        let queues = queues(&device, &controller, sources.count()).map_err(Failure::of_the_device)?;
        let places: Vec<_> = queues.iter().map(Place::of).collect();
        let (reports, waiting): (Vec<_>, Vec<_>) = places.iter().map(|_| mpsc::channel()).unzip();
        let interrupts = interrupts::build(sources, queues, locks, address, controller.registers(), &reports)
            .map_err(Failure::of_the_device)?;
        let port = |(place, completions)| port(place, completions, &device, &interrupts, depth);
        let ports: Result<_, _> = places.iter().zip(waiting).map(port).collect();
        let ports = ports.map_err(Failure::of_the_device)?;
        let mut this = Self { controller, interrupts, ports, locks, line, namespace: Namespace::default() };
        this.start(address, &places)?;
        Ok(this)
    }

    /// Enables the interrupts and starts the controller; then it can be asked for the rest.
    fn start(&mut self, address: &str, places: &[Place]) -> Result<(), Failure> {
        for interrupt in &self.interrupts {
            interrupt.enable().map_err(Failure::of_the_run)?;
        }
        self.controller.start(places[usize::from(ADMIN)].rings)?;
        let admin = &self.ports[usize::from(ADMIN)];
        self.namespace = Namespace::identify(admin)?;
        let pairs = pairs_granted(admin.run(Command::number_of_queues(PAIRS))?.result);
        if pairs < PAIRS.into() {
            return Err(Failure::Device(format!("{address} has {pairs} of {PAIRS} pairs of I/O queues")));
        }
        for &Place { queue, vector, rings: [submissions, completions] } in &places[usize::from(ADMIN) + 1..] {
            admin.run(Command::create_completion_queue(queue, ENTRIES, completions, vector))?;
            admin.run(Command::create_submission_queue(queue, ENTRIES, submissions))?;
        }
        Ok(())
    }

    /// The pairs of I/O queues.
    pub fn io_ports(&mut self) -> &mut [Port] {
        &mut self.ports[usize::from(ADMIN) + 1..]
    }

    /// How many vectors were granted, of how many that were asked for, and how they are locked; or that it is the line.
    pub fn account(&self) -> impl Display {
        if self.line {
            return "its line".to_string();
        }
        let (granted, asked) = (self.interrupts.len(), PAIRS + 1);
        format!("{granted} of {asked} vectors, {}", self.locks)
    }

    /// Disables the interrupts, and says what they and the queues have done. Every command has been answered by now.
    pub fn finish(self) -> Result<Report, Failure> {
        for interrupt in &self.interrupts {
            interrupt.disable().map_err(Failure::of_the_run)?;
        }
        let commands = self.ports.iter().map(Port::completed).collect::<Result<_, _>>()?;
        let interrupts = self.interrupts.iter().map(|each| (each.name().clone(), each.stats())).collect();
        Ok(Report { commands, interrupts })
    }
}

impl Place {
    fn of(queue: &QueuePair) -> Self {
        Self { queue: queue.id(), vector: queue.vector(), rings: queue.rings() }
    }
}

fn open_device(address: &str) -> Result<vfio::PciDevice, Failure> {
    let device = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
    if device.config_read(CLASS).map_err(Failure::of_the_device)? != NVME {
        return Err(Failure::Device(format!("{address} is not an NVMe controller")));
    }
    Ok(device)
}

fn queues(device: &vfio::PciDevice, controller: &Controller, vectors: u32) -> Result<Queues, Error> {
    let queue = |id| {
        let vector = u32::from(id).min(vectors - 1);
        QueuePair::new(device, controller.registers().clone(), controller.doorbells(), id, vector)
    };
    (ADMIN..=PAIRS).map(queue).collect()
}

fn port(
    place: &Place,
    completions: Receiver<Completion>,
    device: &vfio::PciDevice,
    interrupts: &[Interrupt<Queues>],
    depth: u16,
) -> Result<Port, Error> {
    let interrupt = interrupts[place.vector as usize].object().clone();
    let memory = device.dma_buffer(BLOCK * usize::from(depth))?;
    Ok(Port { queue: place.queue, interrupt, completions, memory })
}
