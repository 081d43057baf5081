//! A thread of the crate: it is named, can be joined, and knows how the system calls it.

use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use alloc::sync::Arc;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::{self, Awaited, CallOff, Flag, Label};
use crate::name::Name;
use crate::policy::placement;
use crate::sync;
use crate::sync::{AtomicUsize, Ordering::Relaxed, Parked, Parker, Process};

/// A running thread of a dispatcher. It can be joined once.
pub(super) struct DispatchThread {
    handle: Mutex<RawInterruptLock, Option<JoinHandle<()>>>,
    process: Process,
    life: Arc<Life>,
    /// The thread as the system knows it. The thread sets it as it begins.
    system: Arc<OnceLock<placement::ThreadId>>,
}

impl DispatchThread {
    /// Starts a thread of that name, which runs `run`.
    pub(super) fn start(name: &Name, run: impl FnOnce() + Send + 'static) -> Result<Self, SourceError> {
        let (system, life) = (Arc::new(OnceLock::new()), Arc::new(Life::new()));
        let (its_system, its_life) = (system.clone(), life.clone());
        let handle = sync::start_thread(name, move || {
            its_life.begin();
            let _ = its_system.set(placement::ThreadId::current());
            prepare_to_wait();
            run();
            its_life.end();
        })?;
        Ok(Self { handle: Mutex::new(Some(handle)), process: Process::this(), life, system })
    }

    /// Returns the thread as the system knows it. Waits until the thread has begun.
    pub(super) fn system(&self) -> &placement::ThreadId {
        self.system.wait()
    }

    /// Waits for the thread's end. Returns at once if the caller is that thread, or if the thread waits for what the
    /// caller has: then it ends by itself ([rule L13](crate::guide::contract#l13)). In a forked child there is no such
    /// thread.
    pub(super) fn join(&self) {
        let handle = self.handle.lock().take();
        if !self.process.is_this() {
            // What the handle stands for may belong to a thread that the forked child has started since.
            core::mem::forget(handle);
            return;
        }
        if let Some(handle) = handle
            && handle.thread().id() != thread::current().id()
            && self.life.wait_for_end()
        {
            // The thread catches the panics of callbacks. If it has panicked all the same, it has ended too.
            let _ = handle.join();
        }
    }
}

/// Whether a thread lives, for those that wait for its end.
struct Life {
    /// The identity of the thread: `UNBORN` before it begins, 0 after its end.
    identity: AtomicUsize,
    parker: Parker,
    /// The join has been called off.
    called_off: Flag,
}

/// No thread's identity: the low bits of those are clear.
const UNBORN: usize = 1;

impl Life {
    fn new() -> Self {
        Self { identity: AtomicUsize::new(UNBORN), parker: Parker::new(), called_off: Flag::new() }
    }

    fn begin(&self) {
        // Relaxed: the lock of the register of waits orders it, as it does the owner of a lock.
        self.identity.store(sync::this_thread(), Relaxed);
    }

    fn end(&self) {
        // Relaxed: the handle of the thread orders what it did before what the joining thread does next.
        self.identity.store(0, Relaxed);
        self.parker.wake_all(&self.identity);
    }

    /// Waits for the end. Returns `false` if the wait was called off, or would never end.
    fn wait_for_end(&self) -> bool {
        let may_sleep = || self.lives() && !self.called_off.is_set();
        let sleep = || {
            while may_sleep() {
                let _: Parked = self.parker.park(&self.identity, 0, may_sleep, |_| {}, None);
            }
        };
        let thread = Awaited { owner: &self.identity, taken_at: None, label: Label::THREAD };
        let call_off = CallOff { flag: &self.called_off, parker: &self.parker, word: &self.identity };
        waits::through_soft(thread, Some(call_off), sleep).is_ok() && !self.lives()
    }

    fn lives(&self) -> bool {
        // Relaxed: looked at with the parker's queue locked, or a snapshot.
        self.identity.load(Relaxed) != 0
    }
}

/// Makes the thread wait in the parking lot once. The parking lot allocates what it keeps for a thread when that thread
/// first waits there. It should do so here, and not on the way to an ISR whose lock is held.
fn prepare_to_wait() {
    Parker::new().park(&AtomicUsize::new(0), 0, || false, |_| {}, None);
}
