//! Waiting where there is no epoll: only for sources that wake a waker.

#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::dispatch::poller::{Event, Wait};
use crate::sync::{
    AtomicUsize,
    Ordering::{Acquire, Release},
    Parker,
};
use crate::{Name, SourceError};

pub(in crate::dispatch) struct Poller {
    /// 1 from a ring to the wait that it ends.
    rung: AtomicUsize,
    parker: Parker,
}

/// Nothing has a descriptor here.
pub(in crate::dispatch) type Events = ();

impl Poller {
    pub(in crate::dispatch) fn new() -> Result<Self, SourceError> {
        Ok(Self { rung: AtomicUsize::new(0), parker: Parker::new() })
    }

    pub(in crate::dispatch) fn events(&self) -> Events {}

    /// Ends the wait that is going on, or the next.
    pub(in crate::dispatch) fn wake(&self) {
        // Release: pairs with the Acquire in `wait`, so the thread sees what was done before the ring.
        self.rung.store(1, Release);
        self.parker.wake_all(&self.rung);
    }

    #[cfg(unix)]
    pub(in crate::dispatch) fn watch(&self, _: Event, _: BorrowedFd<'_>) -> Result<(), SourceError> {
        Err(SourceError::Refused(Name::new(
            "a source with a descriptor needs a dispatcher of Linux, or a loop of the driver's own",
        )))
    }

    pub(in crate::dispatch) fn unwatch(&self, _number: usize) {}

    /// Nothing has a descriptor here.
    pub(in crate::dispatch) fn watches(&self) -> bool {
        false
    }

    /// Waits as long as it is told to. Returns whether the bell has rung.
    pub(in crate::dispatch) fn wait(&self, _: &mut Events, wait: Wait) -> bool {
        let deadline = match wait {
            Wait::No => return false,
            Wait::UntilWoken => None,
            // What the clock can't say is as good as for ever.
            Wait::For(time) => Instant::now().checked_add(time),
        };
        loop {
            // The look is made with the queue locked, which `wake_all` locks after the ring: none comes in between.
            // Acquire: as below.
            let _ = self.parker.park(&self.rung, 0, || self.rung.load(Acquire) == 0, |_| {}, deadline);
            // Acquire: pairs with the Release in `wake`.
            if self.rung.swap(0, Acquire) != 0 {
                return true;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return false;
            }
        }
    }

    /// Nothing has a descriptor here.
    pub(in crate::dispatch) fn ready(_: &Events) -> impl Iterator<Item = Event> {
        core::iter::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_that_rang_before_the_wait_ends_it() {
        let poller = Poller::new().unwrap();
        poller.wake();
        assert!(poller.wait(&mut (), Wait::UntilWoken));
    }

    #[test]
    fn a_bell_from_another_thread_ends_the_wait() {
        let poller = Poller::new().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| poller.wake());
            assert!(poller.wait(&mut (), Wait::UntilWoken));
        });
    }
}
