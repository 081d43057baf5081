//! The interrupts: one for each vector that was granted, with one closure for all.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use interrupt_lock::{
    Builder, Claim, Error, Interrupt, InterruptLock, Registers, WithWorkItem,
    linux::{MappedRegisters, vfio::Vectors},
};

use crate::arguments::Locks;
use crate::command::Completion;
use crate::controller::STATUS;
use crate::queue::QueuePair;

/// What an interrupt lock protects: the queues of its vector, or of all.
pub type Queues = Vec<QueuePair>;

/// `reports`: where the completions of each pair of queues go, by its number.
pub fn build(
    vectors: &Vectors,
    queues: Queues,
    locks: Locks,
    name: &str,
    registers: &MappedRegisters,
    reports: &[Sender<Completion>],
) -> Result<Vec<Interrupt<Queues>>, Error> {
    let granted = 0..vectors.granted();
    let builders: Vec<_> = match locks {
        Locks::Separate => {
            let mut lists: Vec<Queues> = granted.map(|_| Vec::new()).collect();
            queues.into_iter().for_each(|queue| lists[queue.vector() as usize].push(queue));
            lists.into_iter().map(Interrupt::builder).collect()
        }
        Locks::Shared => {
            let lock = Arc::new(InterruptLock::named(name.to_owned().into(), queues));
            granted.map(|_| Interrupt::builder_sharing(&lock)).collect()
        }
    };
    let finish = |(vector, builder): (u32, Builder<Queues, WithWorkItem, _, _>)| {
        let (registers, reports) = (registers.clone(), reports.to_vec());
        builder
            .name(format!("{name}[{vector}]"))
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
                // An earlier run has taken what this message was for. There is no register to ask; but all ones, in one
                // that never holds them, say that the controller is gone.
                registers.read32_live(STATUS).map_or(Claim::DeviceGone, |_| Claim::Unclaimed)
            })
            .work_item(move |interrupt| {
                while let Some(completion) =
                    interrupt.synchronize(|queues| queues.iter_mut().find_map(QueuePair::take_done))
                {
                    // This fails only once the driver is gone.
                    let _ = reports[usize::from(completion.queue)].send(completion);
                }
            })
            .source(vectors.vector(vector)?)
            .build()
    };
    (0..).zip(builders).map(finish).collect()
}
