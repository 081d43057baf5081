//! The sleep in `read`, for a thread that serves one interrupt whose source is an eventfd of the crate's own.
//!
//! Such a thread needs no epoll instance: its `read` both waits and takes the count. It begins with epoll, as every thread, and
//! changes over once epoll has reported the eventfd. So an interrupt that never signals costs nothing more. From then on the
//! eventfd is in no epoll instance: to be in one slows each signal down.
//!
//! A ring ends the thread's sleep. After it, the thread sleeps beside the eventfd, by `poll`, until the next signal: then it has
//! taken nothing that others would have to wait for. So several looks of other threads between two signals wake it once.
//!
//! The thread goes back to epoll with the disable, or if others have made the eventfd non-blocking.
//!
//! A [`wake`](Sole::wake) is not lost: the thread has changed over before it announced the sleep that the wake-up ends. So a
//! thread that has found it asleep finds the eventfd here.

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
    opening: usize,
    /// The thread has taken the offer.
    accepted: bool,
    /// The thread sleeps beside it next.
    beside: bool,
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
        let opening = counter.open(file);
        let offered =
            Reading { number, counter: counter.clone(), file: file.clone(), opening, accepted: false, beside: false };
        let before = self.reading.lock().replace(offered);
        // Relaxed: the lock of `reading` orders it for the thread, and the word in which the thread announces its sleep for those
        // that wake it.
        self.exists.store(1, Relaxed);
        drop(before);
    }

    /// The thread must not sleep in the eventfd of the interrupt of that number any more. Returns after the thread has noted
    /// what its sleep has taken.
    pub(super) fn withdraw(&self, number: usize) -> Result<(), SourceError> {
        self.close_if(|reading| reading.number == number).map(drop)
    }

    /// For the thread: it can't sleep in that eventfd. Returns whether it still might.
    pub(super) fn give_up(&self, reading: &Reading) -> Result<bool, SourceError> {
        self.close_if(|current| current.opening == reading.opening)
    }

    fn close_if(&self, is_it: impl FnOnce(&Reading) -> bool) -> Result<bool, SourceError> {
        let Some(reading) = self.reading.lock().take_if(|reading| is_it(reading)) else { return Ok(false) };
        // Relaxed: as in `offer`.
        self.exists.store(0, Relaxed);
        reading.counter.close(reading.accepted).map_err(failed("ending a read of the source's eventfd"))?;
        Ok(true)
    }

    /// Whether the thread may still sleep in that eventfd.
    pub(super) fn still_offers(&self, reading: &Reading) -> bool {
        self.reading.lock().as_ref().is_some_and(|current| current.opening == reading.opening)
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

    /// For the thread: takes the offer, if there is one. Returns the eventfd to sleep in from now on.
    pub(super) fn accept(&self) -> Option<Reading> {
        if self.exists.load(Relaxed) == 0 {
            return None;
        }
        let mut reading = self.reading.lock();
        reading.as_mut()?.accepted = true;
        reading.clone()
    }
}

impl Reading {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn file(&self) -> &Arc<OwnedFd> {
        &self.file
    }

    /// For the thread: gets ready to sleep in `read`. Returns `false` if it can't.
    pub(super) fn prepare(&self) -> bool {
        self.counter.prepare(&self.file, self.opening)
    }

    /// For the thread: sleeps until there are signals, or until a ring.
    #[inline]
    pub(super) fn sleep(&mut self) -> Result<Slept, Failure> {
        let slept = if self.beside {
            // If the system refuses this, the thread sleeps in `read`.
            self.counter.sleep_beside(&self.file, self.opening).unwrap_or(Slept::Signalled)
        } else {
            self.counter.sleep(&self.file, self.opening)?
        };
        self.beside = slept == Slept::Rung;
        Ok(slept)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::dispatch::threads::poller::{Event, Poller, Wait};
    use crate::system;

    /// A poller whose thread waits in a `read` next, and what it reads.
    fn reading() -> (Poller, Arc<Counter>, crate::dispatch::threads::poller::Events) {
        let poller = Poller::new().unwrap();
        let counter = Arc::new(Counter::own(system::eventfd().unwrap()));
        poller.watch_counter(0, &counter, true).unwrap();
        let mut events = poller.events();
        system::signal(&*counter).unwrap();
        while Poller::ready(&events).count() == 0 {
            poller.wait(&mut events, Wait::UntilWoken).unwrap();
        }
        assert_eq!(counter.take(), Ok(1));
        (poller, counter, events)
    }

    // Caught: a wake-up that is written to the other eventfd alone: the thread sleeps on.
    #[test]
    fn i3_a_wake_up_ends_a_read_and_is_no_signal() {
        let (poller, counter, mut events) = reading();
        thread::scope(|scope| {
            scope.spawn(|| poller.wake());
            assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Ok(false));
        });
        assert_eq!(Poller::ready(&events).count(), 0);
        assert_eq!(counter.take(), Ok(0));
        // Beside the eventfd now.
        system::signal(&*counter).unwrap();
        assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Ok(true));
        assert!(Poller::ready(&events).eq([Event::Signal(0)]));
        assert_eq!(counter.take(), Ok(1));
    }

    // Caught: a count that is left in the eventfd for a second call; one that is not noted.
    #[test]
    fn i3_a_read_both_waits_and_takes() {
        let (poller, counter, mut events) = reading();
        system::signal(&*counter).unwrap();
        system::signal(&*counter).unwrap();
        assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Ok(true));
        assert!(Poller::ready(&events).eq([Event::Signal(0)]));
        assert_eq!(system::is_readable(&*counter), Ok(false));
        assert_eq!(counter.take(), Ok(2));
        poller.unwatch(0).unwrap();
    }

    // Caught: a thread that goes back to a `read` of what is no longer its.
    #[test]
    fn i5_a_thread_that_is_told_to_stop_reads_no_more() {
        let (poller, counter, mut events) = reading();
        poller.unwatch(0).unwrap();
        system::signal(&*counter).unwrap();
        poller.wake();
        assert_eq!(poller.wait(&mut events, Wait::UntilWoken), Ok(true));
        assert_eq!(Poller::ready(&events).count(), 0);
        assert_eq!(counter.take(), Ok(1));
    }
}
