//! Waiting for other threads, with a time limit.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::Interrupt;

use super::Verdict;

/// How long a wait lasts before the test fails.
pub const PATIENCE: Duration = crate::LONG;

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

    pub fn wait_past(&self, seen: u64, deadline: Instant) {
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(lock(&self.count), patience, |count| *count <= seen);
        drop(waited);
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

    /// Waits until the descriptor is readable, or until the deadline.
    pub fn wait(&self, deadline: Instant) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        // A signal that ends it early is no harm: the caller looks and comes back.
        let _ = poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&left));
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

    pub fn wait(&self, _: Instant) {
        thread::yield_now();
    }
}

pub fn expect(so: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if so { Ok(()) } else { Err(otherwise()) }
}

/// Waits, by looking again and again, for something that wakes nobody.
pub fn until(what: &str, so: impl Fn() -> bool) -> Verdict {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        expect(Instant::now() < deadline, || format!("in vain: {what}"))?;
        thread::yield_now();
    }
    Ok(())
}

pub fn sentence(error: impl fmt::Display) -> String {
    format!("{error:#}")
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
