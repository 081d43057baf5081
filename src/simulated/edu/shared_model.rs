//! The model of the device, shared by its handles and by the thread that does what the device does by itself.

// A std mutex, because a `Condvar` needs one.
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::name::Name;
use crate::simulated::edu::EduOptions;
use crate::simulated::edu::model::Model;
use crate::source::Wakeup;
use crate::sync;
use crate::sync::Process;

/// What the handles of one device share. The last handle ends the thread.
#[derive(Debug)]
pub(super) struct SharedModel {
    name: Name,
    model: Arc<ModelLock>,
    thread: OnceLock<JoinHandle<()>>,
    process: Process,
}

/// What the handles share with the thread.
#[derive(Debug)]
struct ModelLock {
    running: Mutex<Running>,
    /// Something became due or is done, or the device ends.
    changed: Condvar,
}

#[derive(Debug)]
struct Running {
    model: Model,
    /// The thread is calling a waker.
    waking: bool,
    stopping: bool,
}

impl SharedModel {
    pub fn new(options: EduOptions) -> Self {
        let running = Running { model: Model::new(options.compute_time), waking: false, stopping: false };
        Self {
            name: options.name,
            model: Arc::new(ModelLock { running: Mutex::new(running), changed: Condvar::new() }),
            thread: OnceLock::new(),
            process: Process::this(),
        }
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Whether this is the process that made the device, and no forked child.
    pub fn is_here(&self) -> bool {
        self.process.is_this()
    }

    pub fn with<R>(&self, look: impl FnOnce(&mut Model) -> R) -> R {
        look(&mut self.model.lock().model)
    }

    /// Lets `action` change the model. Then wakes the thread if it is needed, and the interrupt.
    pub fn act(&self, action: impl FnOnce(&mut Model) -> Wakeup) {
        let mut running = self.model.lock();
        let due_before = running.model.next_due();
        let wakeup = action(&mut running.model);
        let due = running.model.next_due();
        // The lock is released first, because a waker may use the device.
        drop(running);
        if due != due_before {
            self.thread.get_or_init(|| start(Arc::clone(&self.model)));
            self.model.changed.notify_all();
        }
        wakeup.wake();
    }

    pub fn wait_idle(&self, timeout: Duration) -> bool {
        let busy = |running: &mut Running| running.waking || running.model.next_due().is_some();
        let waited = self
            .model
            .changed
            .wait_timeout_while(self.model.lock(), timeout, busy)
            .unwrap_or_else(PoisonError::into_inner)
            .1;
        !waited.timed_out()
    }
}

impl Drop for SharedModel {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if !self.is_here() {
            // What the handle stands for may belong to a thread that the forked child has started since.
            mem::forget(thread);
            return;
        }
        self.model.lock().stopping = true;
        self.model.changed.notify_all();
        // A waker may drop the device on the thread itself, which can't wait for itself. It ends once the waker returns.
        if thread.thread().id() != thread::current().id() {
            // The thread returns nothing. A waker's panic was reported there.
            let _ = thread.join();
        }
    }
}

impl ModelLock {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the thread until the device ends.
    fn run(&self) {
        let mut running = self.lock();
        while !running.stopping {
            let now = Instant::now();
            running = match running.model.next_due() {
                None => self.changed.wait(running).unwrap_or_else(PoisonError::into_inner),
                Some(due) if due > now => {
                    self.changed.wait_timeout(running, due - now).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => self.advance(running),
            };
        }
    }

    fn advance<'a>(&'a self, mut running: MutexGuard<'a, Running>) -> MutexGuard<'a, Running> {
        let wakeup = running.model.advance();
        running.waking = true;
        drop(running);
        wakeup.wake();
        let mut running = self.lock();
        running.waking = false;
        self.changed.notify_all();
        running
    }
}

fn start(shared: Arc<ModelLock>) -> JoinHandle<()> {
    sync::start_thread(&Name::new("simulated edu"), move || shared.run())
        .expect("the simulated device could not start its thread")
}
