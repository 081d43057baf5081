//! Message vectors are added to an NVMe controller's set while it works (rule I11), on the queues of the example `nvme`.
//! It overwrites what the controller holds.
//!
//! The set begins with the admin queue's vector. Each vector after that is added, one by one, while the first pair of I/O
//! queues is kept busy on a vector that was added itself. Where the kernel can't add any, the program says so and ends with
//! status 2. It prints what each interrupt has taken, for the scenario to compare with the kernel's own counts.

#[allow(dead_code, reason = "the example writes, too")]
#[path = "../../../examples/nvme/command.rs"]
mod command;
#[path = "../../../examples/nvme/controller.rs"]
mod controller;
#[path = "../../../examples/support/failure.rs"]
mod failure;
#[path = "../../../examples/nvme/namespace.rs"]
mod namespace;
#[path = "../../../examples/nvme/port.rs"]
mod port;
#[allow(dead_code, reason = "the example's drivers choose by it")]
#[path = "../../../examples/nvme/queue.rs"]
mod queue;
mod interrupts {
    pub type Queues = Vec<crate::queue::QueuePair>;
}

use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use interrupt_lock::linux::vfio::{PciDevice, Vectors};
use interrupt_lock::{Claim, Dispatcher, Error, ErrorKind, Interrupt, NoWorkItem, Registers, SourceError};

use command::{Command, pairs_granted};
use controller::{Controller, STATUS};
use failure::Failure;
use interrupts::Queues;
use namespace::Namespace;
use port::Port;
use queue::{ENTRIES, QueuePair};
use support::comes;

const BLOCK: usize = 4096;
/// How many vectors the controller has.
const VECTORS: u32 = 65;
/// Pairs of I/O queues, and the vectors that the later ones signal on.
const PAIRS: u16 = 3;
const LATER: [(u16, u32); 2] = [(2, 33), (3, 64)];
/// How many commands complete on the busy pair before the next vector is added, and on each later pair.
const BETWEEN: u64 = 20;
const COMMANDS: u32 = 500;
/// How many commands the busy pair has under way.
const DEPTH: u16 = 8;

fn main() -> ExitCode {
    match std::env::args().nth(1).ok_or_else(|| Failure::usage("usage: lab_nvme ADDRESS".into())).and_then(run) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("lab_nvme: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// A pair of queues, with an interrupt and a lock of its own.
struct Pair {
    vector: u32,
    rings: [u64; 2],
    port: Port,
    interrupt: Interrupt<Queues>,
}

impl Pair {
    /// The vector may be beyond the set.
    fn new(
        device: &PciDevice,
        controller: &Controller,
        vectors: &Vectors,
        id: u16,
        vector: u32,
    ) -> Result<Self, Error> {
        let registers = controller.registers().clone();
        let queue = QueuePair::new(device, registers.clone(), controller.doorbells(), id, vector)?;
        let rings = queue.rings();
        let (report, completions) = mpsc::channel();
        let interrupt = Interrupt::builder(vec![queue])
            .name(format!("vector {vector}"))
            .isr(move |queues| {
                if queues[0].drain() {
                    queues.queue_work_item();
                    return Claim::Claimed;
                }
                registers.read32_live(STATUS).map_or(Claim::DeviceGone, |_| Claim::Unclaimed)
            })
            .work_item(move |interrupt| {
                while let Some(completion) = interrupt.synchronize(|queues| queues[0].take_done()) {
                    // This fails only once the driver is gone.
                    let _ = report.send(completion);
                }
            })
            .source(vectors.vector(vector)?)
            .build()?;
        let memory = device.dma_buffer(BLOCK * usize::from(DEPTH))?;
        let port = Port { queue: id, interrupt: interrupt.object().clone(), completions, memory };
        Ok(Self { vector, rings, port, interrupt })
    }

    /// Enables the interrupt and has the controller make the queues.
    fn start(&self, admin: &Port) -> Result<(), Failure> {
        self.interrupt.enable().map_err(Failure::of_the_run)?;
        let [submissions, completions] = self.rings;
        admin.run(Command::create_completion_queue(self.port.queue, ENTRIES, completions, self.vector))?;
        admin.run(Command::create_submission_queue(self.port.queue, ENTRIES, submissions))?;
        Ok(())
    }

    fn account(&self) -> Result<String, Failure> {
        self.interrupt.disable().map_err(Failure::of_the_run)?;
        let (stats, completed) = (self.interrupt.stats(), self.port.completed()?);
        let messages = stats.delivered + stats.coalesced + stats.stale;
        Ok(format!("vector {} messages {messages} commands {completed}", self.vector))
    }
}

/// Caught: a number of the system that is another vector's; a set that is disabled and allocated anew to grow.
fn run(address: String) -> Result<String, Failure> {
    let device = PciDevice::open(&address).map_err(Failure::of_the_device)?;
    // The controller stops before the memory of its queues goes.
    let mut pairs = Vec::new();
    let controller = Controller::new(device.registers(0).map_err(Failure::of_the_device)?)?;
    let vectors = device.msix(1).map_err(Failure::of_the_device)?;
    let pair = |id, vector| Pair::new(&device, &controller, &vectors, id, vector).map_err(Failure::of_the_run);
    pairs.push(pair(0, 0)?);
    pairs.push(pair(1, 1)?);
    let [admin, busy] = &pairs[..] else { unreachable!() };
    admin.interrupt.enable().map_err(Failure::of_the_run)?;
    controller.start(admin.rings)?;
    is_not_granted(busy.interrupt.enable().err())?;
    is_not_granted(busy.interrupt.check().err())?;

    if let Err(error) = vectors.grow_to(2) {
        ensure(vectors.granted() == 1, || format!("after {error:#} the set has {}", vectors.granted()))?;
        Namespace::identify(&admin.port)?;
        return Err(Failure::of_the_device(error));
    }
    let granted = pairs_granted(admin.port.run(Command::number_of_queues(PAIRS))?.result);
    ensure(granted >= PAIRS.into(), || format!("{granted} pairs of I/O queues"))?;
    let namespace = Namespace::identify(&admin.port)?;
    busy.start(&admin.port)?;
    busy.interrupt.check().map_err(Failure::of_the_run)?;

    let idle = add_under_load(&vectors, &busy.port, &namespace)?;
    let most = vectors.grow_to(1000).map_err(Failure::of_the_run)?;
    ensure(most == VECTORS && vectors.granted() == VECTORS, || format!("asked for 1000, the set has {most}"))?;
    let idle: Vec<_> = idle.into_iter().filter(|idle| LATER.iter().all(|(_, vector)| idle.0 != *vector)).collect();

    let admin = &pairs[0].port.interrupt.clone();
    for (id, vector) in LATER {
        let later = pair(id, vector)?;
        later.start(&pairs[0].port)?;
        for number in 0..COMMANDS {
            later.port.run(read(&namespace, number.into(), &later.port, 0))?;
        }
        pairs.push(later);
    }
    admin.check().map_err(Failure::of_the_run)?;
    let accounts: Vec<_> = pairs.iter().map(Pair::account).collect::<Result<_, _>>()?;
    for (vector, interrupt) in &idle {
        let stats = interrupt.stats();
        ensure(stats.delivered == 0, || format!("vector {vector} was to be idle: {stats:?}"))?;
    }
    println!("{}", accounts.join("\n"));
    drop(controller);
    Ok(format!("{} vectors added while the controller worked, {} of them idle", VECTORS - 1, idle.len()))
}

type Idle = (u32, Interrupt<(), NoWorkItem>);

/// Adds one vector after the other, each with an enabled interrupt, while a thread keeps `busy` at work.
fn add_under_load(vectors: &Vectors, busy: &Port, namespace: &Namespace) -> Result<Vec<Idle>, Failure> {
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let dispatcher = Dispatcher::new().map_err(Failure::of_the_run)?;
    let add = || {
        let mut idle = Vec::new();
        for number in 2..VECTORS {
            let before = done.load(SeqCst);
            let granted = vectors.grow_to(number + 1).map_err(Failure::of_the_run)?;
            ensure(granted == number + 1, || format!("asked for {}, the set has {granted}", number + 1))?;
            let source = vectors.vector(number).map_err(Failure::of_the_run)?;
            let builder = Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Claimed).dispatcher(&dispatcher);
            let interrupt = builder.source(source).build().map_err(Failure::of_the_run)?;
            interrupt.enable().map_err(Failure::of_the_run)?;
            let (line, kernels) = (interrupt.info().vector, line_of(number));
            ensure(line.is_some() && line == kernels, || format!("vector {number} is {line:?}, of {kernels:?}"))?;
            idle.push((number, interrupt));
            let so = || over.load(SeqCst) || done.load(SeqCst) >= before + BETWEEN;
            ensure(comes(so), || "the busy pair stands still".into())?;
        }
        Ok(idle)
    };
    thread::scope(|scope| {
        let adder = scope.spawn(|| {
            let added = add();
            over.store(true, SeqCst);
            added
        });
        let worked = keep_busy(busy, namespace, &done, &over);
        over.store(true, SeqCst);
        let added = adder.join().expect("the thread that adds ends");
        worked.and(added)
    })
}

/// Reads one block after the other until it is over, with several commands under way.
fn keep_busy(port: &Port, namespace: &Namespace, done: &AtomicU64, over: &AtomicBool) -> Result<(), Failure> {
    for place in 0..DEPTH {
        port.submit(read(namespace, place.into(), port, place));
    }
    let mut under_way = DEPTH;
    while under_way > 0 {
        let place = port.completion()?.command;
        let number = done.fetch_add(1, SeqCst);
        if over.load(SeqCst) {
            under_way -= 1;
        } else {
            port.submit(read(namespace, number, port, place));
        }
    }
    Ok(())
}

/// Reads some block to a place in the port's memory; its command has the number of the place.
fn read(namespace: &Namespace, number: u64, port: &Port, place: u16) -> Command {
    let per_block = BLOCK as u64 / namespace.sector;
    let block = number % (namespace.sectors / per_block);
    let at = port.memory.iova() + u64::from(place) * BLOCK as u64;
    Command::read(block * per_block, per_block as u16, at).numbered(place)
}

/// The number that `/proc/interrupts` has for a vector.
fn line_of(vector: u32) -> Option<u32> {
    let lines = fs::read_to_string("/proc/interrupts").ok()?;
    let line = lines.lines().find(|line| line.contains(&format!("vfio-msix[{vector}]")))?;
    line.split(':').next()?.trim().parse().ok()
}

fn is_not_granted(error: Option<Error>) -> Result<(), Failure> {
    let is_that =
        |error: &Error| matches!(error.kind(), ErrorKind::Source(SourceError::NotGranted { message: 1, granted: 1 }));
    ensure(error.as_ref().is_some_and(is_that), || format!("a vector beyond the set: {error:?}"))
}

fn ensure(so: bool, why: impl FnOnce() -> String) -> Result<(), Failure> {
    if so { Ok(()) } else { Err(Failure::Run(why())) }
}
