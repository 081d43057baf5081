//! The sleep in `read`, for a thread that serves one interrupt whose source is an eventfd of the crate's own.
//!
//! Such a thread needs no epoll instance to wait: its `read` both waits and takes the count. The eventfd is registered all the
//! same, for each wait that is none of these:
//!
//! - the first after an enable, and after a ring: epoll's next report of the eventfd brings the thread back to `read`. So
//!   several looks of other threads between two signals wake the thread once;
//! - a wait that ends by itself;
//! - each wait, if the eventfd is not blocking, or can't be made so.
//!
//! A wake-up by [`wake`](Sole::wake) is not lost: the thread has taken the eventfd over before it announced the sleep that the
//! wake-up ends. So whoever has found it asleep finds the eventfd here.

use std::os::fd::OwnedFd;

use alloc::sync::Arc;

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::lock::raw::RawInterruptLock;
use crate::source::waitable::{Counter, Slept};
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::system::{Failure, failed};

/// The eventfd that a thread may sleep in.
#[derive(Clone)]
pub(super) struct Reading {
    number: usize,
    counter: Arc<Counter>,
    /// A duplicate of the eventfd.
    file: Arc<OwnedFd>,
}

/// The eventfd that a thread may sleep in, if there is one.
#[derive(Default)]
pub(super) struct Sole {
    reading: Mutex<RawInterruptLock, Option<Reading>>,
    /// 1 while there is one.
    exists: AtomicUsize,
}

impl Sole {
    /// The thread may sleep in the eventfd of the interrupt of that number. `file` is a duplicate of it.
    pub(super) fn offer(&self, number: usize, counter: &Arc<Counter>, file: &Arc<OwnedFd>) {
        counter.open(file);
        let before = self.reading.lock().replace(Reading { number, counter: counter.clone(), file: file.clone() });
        // Relaxed: the lock of `reading` orders it for the thread, and the word in which the thread announces its sleep for those
        // that wake it.
        self.exists.store(1, Relaxed);
        drop(before);
    }

    /// The thread must not sleep in the eventfd of the interrupt of that number any more. Returns after the thread has noted
    /// what its sleep has taken.
    pub(super) fn withdraw(&self, number: usize) -> Result<(), SourceError> {
        let Some(reading) = self.reading.lock().take_if(|reading| reading.number == number) else { return Ok(()) };
        self.exists.store(0, Relaxed);
        reading.counter.close().map_err(failed("ending a read of the source's eventfd"))
    }

    /// Ends the thread's sleep in an eventfd, or else its next one.
    pub(super) fn wake(&self) {
        if self.exists.load(Relaxed) != 0
            && let Some(reading) = self.reading.lock().clone()
        {
            // If this is refused, nothing is left that could end it.
            let _ = reading.counter.ring();
        }
    }

    /// For the thread: returns the eventfd to sleep in from now on.
    pub(super) fn reading(&self) -> Option<Reading> {
        if self.exists.load(Relaxed) == 0 {
            return None;
        }
        self.reading.lock().clone()
    }
}

impl Reading {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// For the thread: sleeps in the eventfd.
    #[inline]
    pub(super) fn sleep(&self) -> Result<Slept, Failure> {
        self.counter.sleep(&self.file)
    }
}
