//! Waiting for other threads, with a time limit.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interrupt_lock::Interrupt;

use super::Verdict;
use crate::progress::{self, LOOK};

/// Counts how often something has happened. Threads can wait for it.
#[derive(Default)]
pub struct News {
    count: Mutex<u64>,
    changed: Condvar,
}

impl News {
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
        drop(progress::wait(lock(&self.count), &self.changed, |count| *count > seen));
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
    #[cfg(target_os = "linux")]
    file: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Descriptor {
    pub fn of<T, W>(interrupt: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        let file = interrupt.descriptor().map_err(sentence)?;
        Ok(file.map(|file| Self { file }))
    }

    pub fn of_removal<T, W>(interrupt: &Interrupt<T, W>) -> Result<Option<Self>, String> {
        let file = interrupt.removal_descriptor().map_err(sentence)?;
        Ok(file.map(|file| Self { file }))
    }

    /// Waits until the descriptor is readable, or for a while. Returns whether it is.
    pub fn wait(&self, left: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        // A signal that ends it early is no harm: the caller looks and comes back.
        poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&left)) == Ok(1)
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
        std::thread::sleep(Duration::from_millis(1));
        true
    }
}

pub fn expect(so: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if so { Ok(()) } else { Err(otherwise()) }
}

/// Waits, by looking again and again, for something that wakes nobody.
pub fn until(what: &str, so: impl Fn() -> bool) -> Verdict {
    expect(progress::comes(so), || format!("in vain: {what}"))
}

pub fn sentence(error: impl fmt::Display) -> String {
    format!("{error:#}")
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
