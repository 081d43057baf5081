//! Waiting for other threads, as long as the rig has patience.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::format;
#[cfg(target_os = "linux")]
use std::os::fd::{BorrowedFd, OwnedFd};
use std::string::String;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
#[cfg(not(target_os = "linux"))]
use std::thread;

use super::Verdict;
use super::progress::{self, LOOK};
use crate::interrupt::Interrupt;
#[cfg(target_os = "linux")]
use crate::source::Ready;
use crate::source::Source;
#[cfg(target_os = "linux")]
use crate::system::{Epoll, Events, Report, failed, is_closed_on_exec};

/// Counts how often something has happened. Threads can wait for it.
pub struct News {
    patience: Duration,
    count: Mutex<u64>,
    changed: Condvar,
}

impl News {
    pub fn new(patience: Duration) -> Self {
        Self { patience, count: Mutex::default(), changed: Condvar::new() }
    }

    pub fn tell(&self) {
        *lock(&self.count) += 1;
        self.changed.notify_all();
    }

    pub fn count(&self) -> u64 {
        *lock(&self.count)
    }

    /// Waits until there is more, or for a while: the caller looks and comes back.
    pub fn look_past(&self, seen: u64) {
        drop(self.changed.wait_timeout_while(lock(&self.count), LOOK, |count| *count <= seen));
    }

    /// Waits until there is more.
    pub fn wait_past(&self, seen: u64) {
        drop(progress::wait_within(self.patience, lock(&self.count), &self.changed, |count| *count > seen));
    }
}

/// Sets the flag at the end of a scope, also after a panic. The scope then waits for its threads, which look at the
/// flag.
pub struct AtEnd<'a>(pub &'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a driver's own loop waits on.
pub struct Descriptor {
    /// Open as long as the epoll instance waits on it.
    #[cfg(target_os = "linux")]
    _file: OwnedFd,
    #[cfg(target_os = "linux")]
    epoll: Epoll,
}

#[cfg(target_os = "linux")]
impl Descriptor {
    pub fn of<T, W>(interrupt: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        interrupt.descriptor().map_err(sentence)?.map(Self::new).transpose()
    }

    pub fn of_removal<T, W>(interrupt: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        interrupt.removal_descriptor().map_err(sentence)?.map(Self::new).transpose()
    }

    fn new(file: OwnedFd) -> Result<Self, String> {
        let epoll = Epoll::new().map_err(failed("making an epoll instance")).map_err(sentence)?;
        epoll.add(&file, 0, Report::While).map_err(failed("adding the descriptor to it")).map_err(sentence)?;
        Ok(Self { _file: file, epoll })
    }

    /// Waits until the descriptor is readable, or for a while. Returns whether it is.
    pub fn wait(&self, left: Duration) -> bool {
        let mut events = Events::new();
        // A signal that ends it early is no harm: the caller looks and comes back.
        self.epoll.wait(&mut events, Some(left)).is_ok() && !events.is_empty()
    }
}

#[cfg(not(target_os = "linux"))]
impl Descriptor {
    pub fn of<T, W>(_: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        Ok(None)
    }

    pub fn of_removal<T, W>(_: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        Ok(None)
    }

    pub fn wait(&self, _: Duration) -> bool {
        thread::sleep(Duration::from_millis(1));
        true
    }
}

pub fn expect(so: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if so { Ok(()) } else { Err(otherwise()) }
}

/// Waits, by looking again and again, for something that wakes nobody.
pub fn until(patience: Duration, what: &str, so: impl Fn() -> bool) -> Verdict {
    expect(progress::comes_within(patience, so), || format!("in vain: {what}"))
}

pub fn sentence(error: impl fmt::Display) -> String {
    format!("{error:#}")
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that the descriptors of a source are closed on exec. Elsewhere than on Linux the crate can't tell.
#[cfg(target_os = "linux")]
pub fn closed_on_exec(source: &mut impl Source) -> Verdict {
    let check = |file: BorrowedFd<'_>, method: &str| {
        let closed = is_closed_on_exec(file).map_err(failed("asking for a descriptor's flags")).map_err(sentence)?;
        expect(closed, || format!("the descriptor that `{method}` returns is not closed on exec"))
    };
    if let Ready::Descriptor(file) = source.ready() {
        check(file, "ready")?;
    }
    source.removal_descriptor().map_or(Ok(()), |file| check(file, "removal_descriptor"))
}

#[cfg(not(target_os = "linux"))]
pub fn closed_on_exec(_: &mut impl Source) -> Verdict {
    Ok(())
}
