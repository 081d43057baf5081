//! A system that refuses to wait (rule I19): the thread parks, and does not ask again before an interrupt is enabled.

use core::time::Duration;
use std::sync::OnceLock;
use std::thread::{self, Thread};

use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;

/// Whether a wait of the thread has been refused.
#[derive(Default)]
pub(super) struct Refusal {
    /// 1 after the system has refused a wait, until the next attempt: the thread parks.
    parks: AtomicUsize,
    thread: OnceLock<Thread>,
}

impl Refusal {
    /// For the thread: the system has refused. Its next wait parks.
    pub(super) fn note(&self) {
        self.thread.get_or_init(thread::current);
        self.set(1);
    }

    /// Whether the thread's next wait is to park.
    pub(super) fn parks(&self) -> bool {
        // Relaxed, for both callers. `wake` is called after an Acquire of the word by which the thread has announced its
        // sleep. A thread that has opened a slot has locked the table: before the watcher looked at all open slots, which
        // then faults the interrupt, or after it, which orders this load.
        self.parks.load(Relaxed) != 0
    }

    /// For the thread: parks until `wake`, or for that time.
    pub(super) fn park(&self, time: Option<Duration>) {
        match time {
            None => thread::park(),
            Some(time) => thread::park_timeout(time),
        }
        self.set(0);
    }

    /// Ends the thread's park, if it parks.
    pub(super) fn wake(&self) {
        if self.parks() {
            self.thread.get().inspect(|thread| thread.unpark());
        }
    }

    fn set(&self, parks: usize) {
        // Relaxed: see `parks`.
        self.parks.store(parks, Relaxed);
    }
}
