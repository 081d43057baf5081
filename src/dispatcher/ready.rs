//! Who has something to be done: a list that each interrupt is in at most once, so that it never has to grow on the way
//! from an assertion.

use core::sync::atomic::{AtomicBool, Ordering};

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
}

/// One interrupt's flag.
pub(super) struct Flag {
    pub(super) id: u64,
    object: Weak<dyn Serve>,
    raised: AtomicBool,
    /// The interrupt itself, where the thread is the last to need it.
    kept: Mutex<RawInterruptLock, Option<Arc<dyn Serve>>>,
    list: Weak<List>,
}

impl List {
    pub(super) fn new(bell: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            flags: Mutex::new(Flags::default()),
            bell: Box::new(bell),
        })
    }

    pub(super) fn flag(self: &Arc<Self>, id: u64, object: Weak<dyn Serve>) -> Arc<Flag> {
        let mut flags = self.flags.lock();
        flags.made += 1;
        let room = flags.made;
        let raised = flags.raised.len();
        flags.raised.reserve(room - raised);
        Arc::new(Flag {
            id,
            object,
            raised: AtomicBool::new(false),
            kept: Mutex::new(None),
            list: Arc::downgrade(self),
        })
    }

    /// How many have raised theirs.
    pub(super) fn raised(&self) -> usize {
        self.flags.lock().raised.len()
    }

    /// The interrupt that raised its flag first.
    pub(super) fn next(&self) -> Option<Arc<Flag>> {
        let flag = self.flags.lock().raised.pop_front()?;
        // Acquire, from AcqRel in `raise`: what was done before the flag was raised is seen now; what is done after
        // this raises it again.
        flag.raised.swap(false, Ordering::AcqRel);
        Some(flag)
    }
}

impl Flag {
    /// Has the thread look at this interrupt. Never waits for it, and allocates nothing.
    pub(super) fn raise(self: &Arc<Self>) {
        // AcqRel: pairs with the swap in `next`.
        if self.raised.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(list) = self.list.upgrade() {
            list.flags.lock().raised.push_back(self.clone());
            (list.bell)();
        }
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
