//! The interrupts: one for each vector that was granted, or one for the line, with the same closures for all.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use interrupt_lock::{
    Builder, Claim, Error, Interrupt, InterruptLock, Registers, WithWorkItem, Work,
    linux::{MappedRegisters, vfio::PciDevice},
    source::Source,
};

use crate::arguments::Locks;
use crate::command::Completion;
use crate::controller::STATUS;
use crate::queue::QueuePair;

/// What an interrupt lock protects: the queues of its vector, or of all.
pub type Queues = Vec<QueuePair>;

/// What the controller asserts.
pub enum Sources {
    Vectors(Vec<Box<dyn Source>>),
    Line(Box<dyn Source>),
}

impl Sources {
    pub fn line(device: &PciDevice) -> Result<Self, Error> {
        Ok(Self::Line(Box::new(device.intx()?)))
    }

    /// As many vectors as that, or fewer if the device or the system has fewer.
    pub fn vectors(device: &PciDevice, count: u32) -> Result<Self, Error> {
        let vectors = device.msix(count)?;
        let vector = |number| vectors.vector(number).map(|vector| Box::new(vector) as Box<dyn Source>);
        (0..vectors.granted()).map(vector).collect::<Result<_, _>>().map(Self::Vectors)
    }

    pub fn count(&self) -> u32 {
        match self {
            Self::Vectors(vectors) => vectors.len() as u32,
            Self::Line(_) => 1,
        }
    }
}

/// `reports`: where the completions of each pair of queues go, by its number.
pub fn build(
    sources: Sources,
    queues: Queues,
    locks: Locks,
    name: &str,
    registers: &MappedRegisters,
    reports: &[Sender<Completion>],
) -> Result<Vec<Interrupt<Queues>>, Error> {
    let vectors = match sources {
        Sources::Line(line) => return Ok(vec![of_the_line(line, queues, name, registers, reports)?]),
        Sources::Vectors(vectors) => vectors,
    };
    let builders: Vec<_> = match locks {
        Locks::Separate => {
            let mut lists: Vec<Queues> = vectors.iter().map(|_| Vec::new()).collect();
            queues.into_iter().for_each(|queue| lists[queue.vector() as usize].push(queue));
            lists.into_iter().map(Interrupt::builder).collect()
        }
        Locks::Shared => {
            let lock = Arc::new(InterruptLock::named(name.to_owned().into(), queues));
            vectors.iter().map(|_| Interrupt::builder_sharing(&lock)).collect()
        }
    };
    let finish = |(number, (vector, builder)): (usize, (_, Builder<Queues, WithWorkItem, _, _>))| {
        let (registers, reports) = (registers.clone(), reports.to_vec());
        builder
            .name(format!("{name}[{number}]"))
            .isr(move |queues| {
                let vector = queues.message_number();
                let mut any = false;
                for queue in queues.iter_mut().filter(|queue| queue.vector() == vector) {
                    any |= queue.drain();
                }
                if any {
                    queues.queue_work_item();
                    return Claim::Claimed;
                }
                // An earlier run has taken what this message was for.
                nothing(&registers)
            })
            .work_item(move |interrupt| {
                while let Some(completion) =
                    interrupt.synchronize(|queues| queues.iter_mut().find_map(QueuePair::take_done))
                {
                    report(&reports, completion);
                }
            })
            .source(vector)
            .build()
    };
    vectors.into_iter().zip(builders).enumerate().map(finish).collect()
}

/// The interrupt of the line. It stays masked while the work item finds completions: so there is an ISR run for many of
/// them.
fn of_the_line(
    line: Box<dyn Source>,
    queues: Queues,
    name: &str,
    registers: &MappedRegisters,
    reports: &[Sender<Completion>],
) -> Result<Interrupt<Queues>, Error> {
    let (registers, reports) = (registers.clone(), reports.to_vec());
    Interrupt::builder(queues)
        .name(name.to_owned())
        .isr(move |queues| {
            if !queues.iter().any(QueuePair::has_completed) {
                return nothing(&registers);
            }
            queues.queue_work_item();
            Claim::ClaimedKeepMasked
        })
        .work_item(move |interrupt| {
            // At most a ring of each pair of queues in a run.
            let any = interrupt.synchronize(|queues| queues.iter_mut().fold(false, |any, queue| queue.drain() | any));
            while let Some(completion) =
                interrupt.synchronize(|queues| queues.iter_mut().find_map(QueuePair::take_done))
            {
                report(&reports, completion);
            }
            if any { Work::Again } else { Work::Done }
        })
        // The line is unmasked after this, and is asserted if anything completes in between. But to look costs less.
        .on_unmask(|queues| if queues.iter().any(QueuePair::has_completed) { Work::Again } else { Work::Done })
        .source(line)
        .build()
}

/// There is no register to ask for the cause; but all ones, in one that never holds them, say that the controller is gone.
fn nothing(registers: &MappedRegisters) -> Claim {
    registers.read32_live(STATUS).map_or(Claim::DeviceGone, |_| Claim::Unclaimed)
}

fn report(reports: &[Sender<Completion>], completion: Completion) {
    // This fails only once the driver is gone.
    let _ = reports[usize::from(completion.queue)].send(completion);
}
