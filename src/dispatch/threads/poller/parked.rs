//! Waiting on other systems than Linux and Windows: the thread parks, and only sources that wake a waker can end its wait.

#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::cause::SourceError;
use crate::dispatch::threads::poller::{Event, Wait};
#[cfg(unix)]
use crate::name::Name;
use crate::sync::Ordering::{Acquire, Release};
use crate::sync::{AtomicUsize, Parker};

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) struct Poller {
    /// 1 from a wake-up to the wait that it ends.
    woken: AtomicUsize,
    parker: Parker,
}

/// No descriptor can be watched here.
pub(in crate::dispatch::threads) type Events = ();

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        Ok(Self { woken: AtomicUsize::new(0), parker: Parker::new() })
    }

    pub(in crate::dispatch::threads) fn events(&self) -> Events {}

    /// Ends the current wait, or else the next one.
    pub(in crate::dispatch::threads) fn wake(&self) {
        // Release: pairs with the Acquire in `wait`, so the thread sees what was done before the wake-up.
        self.woken.store(1, Release);
        self.parker.wake_all(&self.woken);
    }

    #[cfg(unix)]
    pub(in crate::dispatch::threads) fn watch(&self, _: Event, _: BorrowedFd<'_>) -> Result<(), SourceError> {
        Err(SourceError::Refused(Name::new(
            "a source with a descriptor needs a dispatcher of Linux, or a loop of the driver's own",
        )))
    }

    pub(in crate::dispatch::threads) fn unwatch(&self, _number: usize) -> Result<(), SourceError> {
        Ok(())
    }

    /// The thread always parks, and nothing refuses that.
    pub(in crate::dispatch::threads) fn parks(&self) -> bool {
        false
    }

    /// No descriptor can be watched here.
    pub(in crate::dispatch::threads) fn watches(&self) -> bool {
        false
    }

    /// Waits as long as `wait` says. Returns whether another thread has ended the wait.
    pub(in crate::dispatch::threads) fn wait(&self, _: &mut Events, wait: Wait) -> Result<bool, SourceError> {
        let deadline = match wait {
            Wait::No => return Ok(false),
            Wait::UntilWoken => None,
            // A moment that the clock can't express is as good as for ever.
            Wait::For(time) => Instant::now().checked_add(time),
        };
        loop {
            // `park` looks at the word with its queue locked, and `wake_all` locks that queue after it has set the
            // word. So no wake-up falls between the look and the sleep. Acquire: as below.
            let _ = self.parker.park(&self.woken, 0, || self.woken.load(Acquire) == 0, |_| {}, deadline);
            // Acquire: pairs with the Release in `wake`.
            if self.woken.swap(0, Acquire) != 0 {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(false);
            }
        }
    }

    /// No descriptor can be watched here.
    pub(in crate::dispatch::threads) fn ready(_: &Events) -> impl Iterator<Item = Event> {
        core::iter::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_before_the_wait_ends_it() {
        let poller = Poller::new().unwrap();
        poller.wake();
        assert!(poller.wait(&mut (), Wait::UntilWoken).unwrap());
    }

    #[test]
    fn a_wake_up_from_another_thread_ends_the_wait() {
        let poller = Poller::new().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| poller.wake());
            assert!(poller.wait(&mut (), Wait::UntilWoken).unwrap());
        });
    }

    // Caught: a descriptor that is silently not watched: its interrupt would wait for ever.
    #[cfg(unix)]
    #[test]
    fn a_descriptor_can_not_be_watched() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let watched = Poller::new().unwrap().watch(Event::Signal(0), std::os::fd::AsFd::as_fd(&reader));
        assert!(matches!(watched, Err(SourceError::Refused(why)) if why.as_str().contains("a dispatcher of Linux")));
    }
}
