//! The way to a pair of queues, for one thread.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use interrupt_lock::{InterruptObject, WithWorkItem, linux::vfio};

use crate::command::{Command, Completion};
use crate::failure::Failure;
use crate::interrupts::Queues;
use crate::queue::QueuePair;

/// Longer than any command takes.
const LONG: Duration = Duration::from_secs(30);
/// How often a thread that waits for a completion looks whether the device is still there.
const LOOK: Duration = Duration::from_millis(100);

pub struct Port {
    /// The number of the pair.
    pub queue: u16,
    /// The interrupt whose lock protects the pair. (It ends with its handle, also while the object is kept here.)
    pub interrupt: Arc<InterruptObject<Queues, WithWorkItem>>,
    pub completions: Receiver<Completion>,
    /// A block for each command that may be under way.
    pub memory: vfio::DmaBuffer,
}

impl Port {
    /// Gives a command to the device. It never waits longer than a section lasts.
    pub fn submit(&self, command: Command) {
        self.with_queue(|queue| queue.submit(command));
    }

    /// Waits for the next completion. Fails if the device goes away meanwhile.
    pub fn completion(&self) -> Result<Completion, Failure> {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            if let Ok(completion) = self.completions.recv_timeout(LOOK) {
                return completion.succeeded();
            }
            self.interrupt.check().map_err(Failure::of_the_run)?;
        }
        Err(Failure::Run(format!("queue {}: no answer within {LONG:?}", self.queue)))
    }

    /// Submits one command, and waits for its completion. No other may be under way.
    pub fn run(&self, command: Command) -> Result<Completion, Failure> {
        self.submit(command);
        self.completion()
    }

    /// How many commands were submitted. Fails unless every one of them has completed.
    pub fn completed(&self) -> Result<u64, Failure> {
        let (submitted, completed) = self.with_queue(|queue| queue.account());
        if submitted == completed {
            return Ok(completed);
        }
        let queue = self.queue;
        Err(Failure::Run(format!("queue {queue}: {submitted} commands submitted, {completed} completed")))
    }

    fn with_queue<R>(&self, section: impl FnOnce(&mut QueuePair) -> R) -> R {
        let mut queues = self.interrupt.acquire_interrupt_lock();
        let queue = queues.iter_mut().find(|queue| queue.id() == self.queue);
        section(queue.expect("the lock protects the queue of its port"))
    }
}

impl Completion {
    fn succeeded(self) -> Result<Self, Failure> {
        let Self { queue, command, status, .. } = self;
        if status == 0 {
            return Ok(self);
        }
        Err(Failure::Run(format!("queue {queue}: command {command} failed with status {status:#x}")))
    }
}
