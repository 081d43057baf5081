//! Waiting where there is no epoll: only for sources that wake a waker.

#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::dispatch::poller::{Event, Wait};
use crate::{Name, SourceError};

#[derive(Default)]
pub(in crate::dispatch) struct Poller {
    rung: Mutex<bool>,
    bell: Condvar,
}

/// Nothing has a descriptor here.
pub(in crate::dispatch) type Events = ();

impl Poller {
    pub(in crate::dispatch) fn new() -> Result<Self, SourceError> {
        Ok(Self::default())
    }

    pub(in crate::dispatch) fn events(&self) -> Events {}

    /// Ends the wait that is going on, or the next.
    pub(in crate::dispatch) fn wake(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_one();
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

    /// Waits as long as it is told to. The answer is whether the bell has rung.
    pub(in crate::dispatch) fn wait(&self, _: &mut Events, wait: Wait) -> bool {
        let mut rung = match wait {
            Wait::No => return false,
            Wait::UntilWoken | Wait::For(_) => self.rung.lock().unwrap_or_else(PoisonError::into_inner),
        };
        while !*rung {
            rung = match wait {
                // It may end early; who waits for a moment looks at the clock.
                Wait::For(time) => {
                    let (rung, _) = self.bell.wait_timeout(rung, time).unwrap_or_else(PoisonError::into_inner);
                    return std::mem::take(&mut *{ rung });
                }
                _ => self.bell.wait(rung).unwrap_or_else(PoisonError::into_inner),
            };
        }
        *rung = false;
        true
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
