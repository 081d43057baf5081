//! What the test programs share.
#![cfg(all(feature = "std", not(loom)))]
#![allow(missing_docs, reason = "it is for these tests alone")]

pub mod allocations;
pub mod alone;
#[cfg(refused_calls)]
pub mod campaign;
#[cfg(target_os = "linux")]
pub mod forks;
pub mod log;
#[cfg(any(target_os = "linux", windows))]
pub mod placement;
pub mod progress;
pub mod prometheus;
pub mod rigs;
pub mod script;
#[cfg(target_os = "linux")]
pub mod seccomp;
pub mod slot;
pub mod wakes;

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use interrupt_lock::{Error, ErrorKind};

pub use progress::{LOOK, comes, pause, receive, step, until};

/// A time limit that no test reaches, for functions that want one. If one waits that long, the watchdog fails the test.
pub const LONG: Duration = Duration::from_secs(3600);

/// Waits long enough for another thread to block. No test depends on it to pass.
pub fn let_it_block() {
    thread::sleep(Duration::from_millis(30));
}

/// Runs `body` on a thread of that name, and returns once that thread sleeps, on a lock for example.
pub fn asleep<R: Send + 'static>(
    name: impl Into<String>,
    body: impl FnOnce() -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let (sender, receiver) = channel();
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        let _ = sender.send(ThreadId::here());
        body()
    });
    receiver.recv().unwrap().wait_until_asleep();
    thread.unwrap()
}

/// Whether there is a /proc. A test that can't do without shows nothing otherwise, and says so. (CI's main run has one.)
pub fn has_proc() -> bool {
    let has = std::path::Path::new("/proc/self").exists();
    if !has {
        println!("there is no /proc, so this shows nothing");
    }
    has
}

/// A thread, as the kernel knows it.
pub struct ThreadId(#[cfg(target_os = "linux")] i32);

impl ThreadId {
    #[cfg(target_os = "linux")]
    pub fn here() -> Self {
        Self(rustix::thread::gettid().as_raw_nonzero().get())
    }

    #[cfg(not(target_os = "linux"))]
    pub fn here() -> Self {
        Self()
    }

    /// Waits until the thread sleeps at each of several looks.
    #[cfg(target_os = "linux")]
    pub fn wait_until_asleep(&self) {
        if !has_proc() {
            // Nothing tells. A test that needs the sleep then shows less than it might.
            return let_it_block();
        }
        let mut seen = 0;
        until(|| {
            let status = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.0)).unwrap_or_default();
            // Behind its name, which is in brackets.
            let sleeps = status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'));
            seen = if sleeps { seen + 1 } else { 0 };
            thread::sleep(Duration::from_millis(2));
            seen == 5
        });
    }

    #[cfg(not(target_os = "linux"))]
    pub fn wait_until_asleep(&self) {
        let_it_block();
    }
}

/// Runs `body` on a thread of its own, and fails the test if it hangs.
#[track_caller]
pub fn watchdog<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(body());
    });
    allocations::do_not_count_this_thread();
    match progress::next_outside(&receiver) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs: nothing moves"),
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
    }
}

/// A gate that is shut until a thread opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    #[track_caller]
    pub fn wait(&self) {
        let (open, is_open) = progress::wait(self.0.0.lock().unwrap(), &self.0.1, |open| *open);
        drop(open);
        assert!(is_open, "the gate stayed shut");
    }
}

/// Returns the kind of the error, if `answer` is one.
pub fn kind<T>(answer: &Result<T, Error>) -> Option<&ErrorKind> {
    answer.as_ref().err().map(Error::kind)
}

/// Returns the message with which `body` panics.
#[track_caller]
pub fn panic_message<R>(body: impl FnOnce() -> R) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => panic_text(&*payload),
    }
}

/// Returns the message that a panic carried.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().map(|&said| said.to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
