//! Waiting on many descriptors at once.

use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::vec::Vec;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::system::call::{Call, Failure, INTERRUPTIONS, call, once};

/// An epoll instance. Each descriptor in it has a key of the caller's.
pub(crate) struct Epoll(OwnedFd);

/// When a descriptor that becomes readable is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// As long as it stays readable.
    While,
    /// As it becomes readable, and once more for each later signal.
    Edges,
    /// Once.
    Once,
    /// Never, but for an error or a hang-up, as long as it lasts.
    Errors,
}

impl Report {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::While => epoll::EventFlags::IN,
            Self::Edges => epoll::EventFlags::IN | epoll::EventFlags::ET,
            Self::Once => epoll::EventFlags::IN | epoll::EventFlags::ONESHOT,
            // The system reports these two in any case.
            Self::Errors => epoll::EventFlags::empty(),
        }
    }
}

/// What a wait has found.
pub(crate) struct Events(Vec<epoll::Event>);

/// How many descriptors one wait may report.
const BATCH: usize = 64;
/// A little less than the longest time that every kernel's call can express. The caller makes a longer wait in parts.
const LONGEST: Duration = Duration::from_secs(20 * 24 * 60 * 60);

impl Epoll {
    pub(crate) fn new() -> Result<Self, Failure> {
        call(Call::EpollCreate, || epoll::create(epoll::CreateFlags::CLOEXEC)).map(Self)
    }

    pub(crate) fn add(&self, file: impl AsFd, key: u64, report: Report) -> Result<(), Failure> {
        call(Call::EpollCtl, || epoll::add(&self.0, &file, epoll::EventData::new_u64(key), report.flags()))
    }

    /// Reports a descriptor that was added as if it were added now: once more, if it is readable.
    pub(crate) fn report_again(&self, file: impl AsFd, key: u64, report: Report) -> Result<(), Failure> {
        call(Call::EpollCtl, || epoll::modify(&self.0, &file, epoll::EventData::new_u64(key), report.flags()))
    }

    /// Takes out a descriptor that was added.
    pub(crate) fn delete(&self, file: impl AsFd) -> Result<(), Failure> {
        call(Call::EpollCtl, || epoll::delete(&self.0, &file))
    }

    /// Waits until something is to be reported, or for `time`; without one for ever. It may find nothing, and return
    /// sooner than asked for.
    pub(crate) fn wait(&self, events: &mut Events, time: Option<Duration>) -> Result<(), Failure> {
        events.0.clear();
        let time = time.map(|time| Timespec::try_from(time.min(LONGEST)).unwrap_or_default());
        for _ in 0..INTERRUPTIONS {
            let waited = once(Call::EpollWait, || epoll::wait(&self.0, spare_capacity(&mut events.0), time.as_ref()));
            match waited {
                Err(Failure { errno: Errno::INTR, .. }) if time.is_none() => {}
                // The caller looks at the clock.
                Err(Failure { errno: Errno::INTR, .. }) => return Ok(()),
                waited => return waited.map(drop),
            }
        }
        Err(Failure::new(Call::EpollWait, Errno::INTR))
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(BATCH))
    }

    /// Forgets what the last wait has found.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the keys that the last wait has found.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|event| event.data.u64())
    }
}
