//! The worker: the thread that runs work items, and whatever else may take long. It waits on no source.
//!
//! A dispatcher has one, and the process one more, which interrupts may share whatever dispatcher they have.

use core::time::Duration;
use std::sync::OnceLock;
use std::thread;

use alloc::format;
use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::dispatch::Polling;
use crate::dispatch::threads::ready_list::{ReadyList, Sleeper, Slot};
use crate::dispatch::threads::thread::DispatchThread;
use crate::interrupt::serve::Serve;
use crate::lock::raw::RawInterruptLock;
use crate::name::Name;
use crate::sync;
use crate::sync::{Backoff, GENERATIONS, OfEachProcess, VainWakeups};

/// A worker. Its thread is started once an interrupt may need it, and ends as the worker is dropped.
pub(super) struct Worker {
    list: Arc<ReadyList<ParkedThread>>,
    thread: Mutex<RawInterruptLock, Option<Arc<DispatchThread>>>,
}

/// An interrupt's slot at the worker.
pub(super) type WorkerSlot = Slot<ParkedThread>;

/// The worker's thread, to be unparked. The thread sets it before it first sleeps.
#[derive(Default)]
pub(super) struct ParkedThread(OnceLock<thread::Thread>);

impl Sleeper for ParkedThread {
    fn wake(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { list: ReadyList::new(ParkedThread::default()), thread: Mutex::new(None) }
    }

    /// Returns the worker that the interrupts of this process share. It is started for the first of them, and ends with the
    /// last. (In a forked child the parent's is of no use.)
    pub(super) fn shared() -> Result<Arc<Self>, SourceError> {
        static SHARED: OfEachProcess<Mutex<RawInterruptLock, Weak<Worker>>> =
            OfEachProcess::new([const { Mutex::from_raw(RawInterruptLock::new(), Weak::new()) }; GENERATIONS]);
        let mut shared = SHARED.this().lock();
        if let Some(worker) = shared.upgrade().filter(|worker| worker.list.is_here()) {
            return Ok(worker);
        }
        let worker = Arc::new(Self::new());
        worker.start(&Name::new("shared"))?;
        *shared = Arc::downgrade(&worker);
        Ok(worker)
    }

    /// Starts the thread, unless it runs.
    pub(super) fn start(&self, name: &Name) -> Result<(), SourceError> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let its_list = self.list.clone();
            // A name of its own, whose beginning tells: the system cuts names short.
            let name = Name::from(format!("work {name}"));
            *thread = Some(Arc::new(DispatchThread::start(&name, move || its_list.run())?));
        }
        Ok(())
    }

    /// Returns a slot for `object`, open from the start.
    pub(super) fn slot(&self, object: &Weak<dyn Serve>) -> WorkerSlot {
        let slot = self.list.slot();
        slot.open(object, Polling::None, None);
        slot
    }

    pub(super) fn stop(&self) {
        self.list.stop();
    }

    pub(super) fn join(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.join();
        }
    }
}

/// What the thread itself does.
impl ReadyList<ParkedThread> {
    fn run(&self) {
        let _ = self.sleeper.0.set(thread::current());
        let mut vain_wakeups = VainWakeups::default();
        // In a child that a work item has forked, the work is the parent's.
        while self.is_here() {
            self.wait();
            let mut raised = self.take();
            if raised.is_stop() {
                return;
            }
            let mut in_vain = true;
            while let Some(found) = self.next(&mut raised) {
                in_vain = false;
                if let Some(object) = found.object {
                    object.work();
                    // It may be the last reference to the interrupt.
                    sync::free_silently(object);
                }
            }
            vain_wakeups.note(in_vain);
        }
    }

    /// Waits until something is raised. Stays awake for a moment first, because the next ISR often follows soon.
    fn wait(&self) {
        let backoff = Backoff::new();
        while !self.is_raised() {
            if !backoff.is_completed() {
                backoff.snooze();
            } else if self.sleep() {
                // It may return without a reason. Then there is nothing to take, and the thread comes back here.
                // (Without a time-out, `std` does not come back from a sleep that the system refuses.)
                thread::park_timeout(Duration::MAX);
                return;
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
        self.join();
    }
}
