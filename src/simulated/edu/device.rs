//! The model, shared between its users and the thread that does what happens by itself.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Name;
use crate::simulated::edu::EduOptions;
use crate::simulated::edu::model::Model;
use crate::source::Wakeup;

/// What the users hold: the last one to go ends the thread.
#[derive(Debug)]
pub(super) struct Device {
    name: Name,
    shared: Arc<Shared>,
    thread: OnceLock<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    running: Mutex<Running>,
    /// Something became due, or is done, or the device ends.
    changed: Condvar,
}

#[derive(Debug)]
struct Running {
    model: Model,
    /// The thread calls a waker.
    waking: bool,
    stopping: bool,
}

impl Device {
    pub fn new(options: EduOptions) -> Self {
        let running = Running { model: Model::new(options.compute_time), waking: false, stopping: false };
        Self {
            name: options.name,
            shared: Arc::new(Shared { running: Mutex::new(running), changed: Condvar::new() }),
            thread: OnceLock::new(),
        }
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    pub fn with<R>(&self, look: impl FnOnce(&mut Model) -> R) -> R {
        look(&mut self.shared.lock().model)
    }

    /// Lets `action` change the model, and sees to what it calls for: the thread, and the interrupt's waker.
    pub fn act(&self, action: impl FnOnce(&mut Model) -> Wakeup) {
        let mut running = self.shared.lock();
        let due_before = running.model.next_due();
        let wakeup = action(&mut running.model);
        let due = running.model.next_due();
        // The lock goes first: a waker may well use the device.
        drop(running);
        if due != due_before {
            self.thread.get_or_init(|| start(Arc::clone(&self.shared)));
            self.shared.changed.notify_all();
        }
        wakeup.wake();
    }

    pub fn wait_idle(&self, timeout: Duration) -> bool {
        let busy = |running: &mut Running| running.waking || running.model.next_due().is_some();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), timeout, busy)
            .unwrap_or_else(PoisonError::into_inner)
            .1;
        !waited.timed_out()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        // Dropped by a waker, on the thread itself, it can't be waited for; it ends as soon as the waker returns.
        if thread.thread().id() != thread::current().id() {
            // It has nothing to answer; had a waker panicked on it, that was reported there.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's work, until the device ends.
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

fn start(shared: Arc<Shared>) -> JoinHandle<()> {
    thread::Builder::new()
        .name("simulated edu".into())
        .spawn(move || shared.run())
        .expect("the simulated device could not start its thread")
}
