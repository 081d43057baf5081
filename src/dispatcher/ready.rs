//! Who has something to be done: a list that each interrupt is in at most once, so that it never has to grow on the way
//! from an assertion.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::task::Wake;

use lock_api::Mutex;

use crate::dispatch::Serve;
use crate::raw_lock::RawInterruptLock;

/// The list, and the bell that brings the thread to look at it.
pub(super) struct List {
    flags: Mutex<RawInterruptLock, Flags>,
    bell: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Flags {
    raised: VecDeque<Arc<Flag>>,
    /// How many there are in all; the list has room for so many.
    made: usize,
    next_id: u64,
    stopped: bool,
}

/// One interrupt's flag.
pub(super) struct Flag {
    pub(super) id: u64,
    object: Weak<dyn Serve>,
    /// Whether it is in the list.
    raised: Mutex<RawInterruptLock, bool>,
    /// The interrupt itself, where the thread is the last to need it.
    kept: Mutex<RawInterruptLock, Option<Arc<dyn Serve>>>,
    list: Weak<List>,
}

/// What the thread finds.
pub(super) enum Next {
    Flag(Arc<Flag>),
    Nothing,
    Stopped,
}

impl List {
    pub(super) fn new(bell: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { flags: Mutex::new(Flags::default()), bell: Box::new(bell) })
    }

    pub(super) fn flag(self: &Arc<Self>, object: Weak<dyn Serve>) -> Arc<Flag> {
        let mut flags = self.flags.lock();
        flags.made += 1;
        let room = flags.made - flags.raised.len();
        flags.raised.reserve(room);
        let id = flags.next_id;
        flags.next_id += 1;
        Arc::new(Flag { id, object, raised: Mutex::new(false), kept: Mutex::new(None), list: Arc::downgrade(self) })
    }

    /// How many have raised theirs.
    pub(super) fn raised(&self) -> usize {
        self.flags.lock().raised.len()
    }

    /// The interrupt that raised its flag first; it may raise it again from now on.
    pub(super) fn next(&self) -> Next {
        let mut flags = self.flags.lock();
        if flags.stopped {
            return Next::Stopped;
        }
        match flags.raised.pop_front() {
            Some(flag) => {
                *flag.raised.lock() = false;
                Next::Flag(flag)
            }
            None => Next::Nothing,
        }
    }

    /// Has the thread end.
    pub(super) fn stop(&self) {
        self.flags.lock().stopped = true;
        (self.bell)();
    }
}

impl Flag {
    /// Has the thread look at this interrupt. Never waits for it, and allocates nothing.
    pub(super) fn raise(self: &Arc<Self>) {
        let Some(list) = self.list.upgrade() else { return };
        {
            let mut flags = list.flags.lock();
            if core::mem::replace(&mut *self.raised.lock(), true) {
                return;
            }
            flags.raised.push_back(self.clone());
        }
        (list.bell)();
    }

    /// Keeps the interrupt until the thread has looked at it.
    pub(super) fn keep(&self) {
        let object = self.object.upgrade();
        *self.kept.lock() = object;
    }

    pub(super) fn object(&self) -> Option<Arc<dyn Serve>> {
        let kept = self.kept.lock().take();
        kept.or_else(|| self.object.upgrade())
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            list.flags.lock().made -= 1;
        }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}
