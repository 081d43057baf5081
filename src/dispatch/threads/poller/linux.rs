//! Waiting on Linux: with epoll, or with an io_uring if the driver has asked for that and the system grants it.

use std::os::fd::{AsFd, BorrowedFd};

use alloc::sync::Arc;

use crate::cause::SourceError;
use crate::dispatch::threads::poller::{Event, Wait, epoll, uring};
use crate::policy::Answer;
use crate::source::waitable::Counter;

/// How a watcher waits, and how others end its wait.
pub(in crate::dispatch::threads) enum Poller {
    /// And what became of the wish for an io_uring.
    Epoll(epoll::Poller, Answer),
    Uring(uring::Poller),
}

/// What a wait has found.
pub(in crate::dispatch::threads) enum Events {
    Epoll(epoll::Events),
    Uring(uring::Events),
}

/// Calls the same function of either kind.
macro_rules! either {
    ($poller:expr, $inner:ident => $call:expr) => {
        match $poller {
            Poller::Epoll($inner, _) => $call,
            Poller::Uring($inner) => $call,
        }
    };
}

impl Poller {
    pub(in crate::dispatch::threads) fn new() -> Result<Self, SourceError> {
        epoll::Poller::new().map(|poller| Self::Epoll(poller, Answer::NotAsked))
    }

    /// Waits with an io_uring, or with epoll if the system refuses that.
    pub(in crate::dispatch::threads) fn with_io_uring() -> Result<Self, SourceError> {
        let epoll = epoll::Poller::new()?;
        Ok(match uring::Granted::beside(&epoll) {
            Ok(granted) => Self::Uring(uring::Poller::new(epoll, granted)),
            Err(why) => Self::Epoll(epoll, Answer::Refused(why)),
        })
    }

    /// What became of the wish for an io_uring.
    pub(in crate::dispatch::threads) fn io_uring(&self) -> Answer {
        match self {
            Self::Epoll(_, answer) => answer.clone(),
            Self::Uring(_) => Answer::Taken,
        }
    }

    /// For the thread.
    pub(in crate::dispatch::threads) fn events(&self) -> Events {
        match self {
            Self::Epoll(poller, _) => Events::Epoll(poller.events()),
            Self::Uring(poller) => Events::Uring(poller.events()),
        }
    }

    /// Ends the current wait, or else the next one.
    pub(in crate::dispatch::threads) fn wake(&self) {
        either!(self, poller => poller.wake());
    }

    /// Whether the thread's next wait is to park.
    pub(in crate::dispatch::threads) fn parks(&self) -> bool {
        either!(self, poller => poller.parks())
    }

    pub(in crate::dispatch::threads) fn watch(
        &self,
        event: Event,
        descriptor: BorrowedFd<'_>,
    ) -> Result<(), SourceError> {
        either!(self, poller => poller.watch(event, descriptor))
    }

    /// Waits for the signals of an eventfd. If the thread serves nothing else, it may sleep in its `read`.
    pub(in crate::dispatch::threads) fn watch_counter(
        &self,
        number: usize,
        counter: &Arc<Counter>,
        serves_it_alone: bool,
    ) -> Result<(), SourceError> {
        match self {
            Self::Epoll(poller, _) => poller.watch_counter(number, counter, serves_it_alone),
            Self::Uring(poller) if counter.is_whole() => poller.read(number, counter),
            Self::Uring(poller) => poller.watch(Event::Signal(number), counter.as_fd()),
        }
    }

    /// Stops watching the interrupt's descriptors.
    pub(in crate::dispatch::threads) fn unwatch(&self, number: usize) -> Result<(), SourceError> {
        either!(self, poller => poller.unwatch(number))
    }

    /// Whether any descriptor is watched.
    pub(in crate::dispatch::threads) fn watches(&self) -> bool {
        either!(self, poller => poller.watches())
    }

    /// Waits as long as `wait` says. Returns whether a descriptor is readable or another thread has ended the wait, or
    /// an error if the system refuses to wait.
    #[inline]
    pub(in crate::dispatch::threads) fn wait(&self, events: &mut Events, wait: Wait) -> Result<bool, SourceError> {
        match (self, events) {
            (Self::Epoll(poller, _), Events::Epoll(events)) => poller.wait(events, wait),
            (Self::Uring(poller), Events::Uring(events)) => poller.wait(events, wait),
            _ => unreachable!("the events are the poller's own"),
        }
    }

    /// Returns the descriptors that the last wait found readable.
    #[inline]
    pub(in crate::dispatch::threads) fn ready(events: &Events) -> impl Iterator<Item = Event> + '_ {
        let (read, events) = match events {
            Events::Epoll(events) => (&[][..], events),
            Events::Uring(events) => (events.read(), events.others()),
        };
        read.iter().map(|&number| Event::Signal(number)).chain(epoll::Poller::ready(events))
    }
}
