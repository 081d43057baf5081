//! What notices a callback that does not return (rule I17).
//!
//! Only interrupts that ask for it have their callbacks wrapped, so the others pay nothing. One thread looks after all
//! of them; it takes no interrupt lock, since that is what a callback that does not return holds.

use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::Errno;
use crate::{Callback, Name, SourceError, sync};

/// As good as for ever; a later moment may be more than the clock can say.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
/// It looks no more often than this.
const FINEST: Duration = Duration::from_millis(1);

/// Whom the thread tells.
pub(crate) trait Overdue: Send + Sync {
    /// `callback` has been running for longer than `limit`.
    fn overdue(&self, callback: Callback, limit: Duration);
}

/// What the callbacks of one interrupt are doing.
struct Watch {
    limit: Duration,
    /// What runs with the interrupt lock held: one at a time.
    locked: Mutex<Option<Run>>,
    work_item: Mutex<Option<Run>>,
}

#[derive(Clone, Copy)]
struct Run {
    callback: Callback,
    since: Instant,
    reported: bool,
}

/// Those callbacks, watched until the last of them has been freed.
pub(crate) struct Watched(Arc<Watch>);

impl Watched {
    pub(crate) fn new(limit: Duration) -> Self {
        let limit = limit.min(FOREVER);
        Self(Arc::new(Watch { limit, locked: Mutex::new(None), work_item: Mutex::new(None) }))
    }

    /// Has `object` told from now on.
    pub(crate) fn tell(&self, object: Weak<dyn Overdue>) -> Result<(), SourceError> {
        if cfg!(loom) {
            return Err(SourceError::Refused(Name::new("a loom model has no clock, so nothing is overdue in it")));
        }
        let mut watchdog = lock(&WATCHDOG);
        if !watchdog.runs {
            thread::Builder::new().name("overdue".into()).spawn(watch).map_err(|error| SourceError::Os {
                doing: Name::new("starting a thread"),
                source: Errno::new(error.raw_os_error().unwrap_or(0)),
            })?;
            watchdog.runs = true;
        }
        watchdog.watched.push((self.0.clone(), object));
        // Its limit may be shorter than the others'.
        CHANGED.notify_one();
        Ok(())
    }

    /// Runs `body`, the `callback`, under the thread's eyes.
    pub(crate) fn run<R>(&self, callback: Callback, body: impl FnOnce() -> R) -> R {
        let place = if callback == Callback::WorkItem { &self.0.work_item } else { &self.0.locked };
        *lock(place) = Some(Run { callback, since: Instant::now(), reported: false });
        // Also where it panics.
        let _running = Running(place);
        body()
    }
}

struct Running<'a>(&'a Mutex<Option<Run>>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *lock(self.0) = None;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut watchdog = lock(&WATCHDOG);
        let place = watchdog.watched.iter().position(|(watch, _)| Arc::ptr_eq(watch, &self.0));
        let mine = place.map(|place| watchdog.watched.swap_remove(place));
        drop(watchdog);
        drop(mine);
        CHANGED.notify_one();
    }
}

impl Watch {
    /// Which callbacks are to be reported now, and when to look again.
    fn look(&self, now: Instant) -> ([Option<Callback>; 2], Instant) {
        let mut next = now + self.limit;
        let overdue = [&self.locked, &self.work_item].map(|place| {
            let mut place = lock(place);
            let run = place.as_mut().filter(|run| !run.reported)?;
            let due = run.since + self.limit;
            if due > now {
                next = next.min(due);
                return None;
            }
            run.reported = true;
            Some(run.callback)
        });
        (overdue, next)
    }
}

static WATCHDOG: Mutex<Watchdog> = Mutex::new(Watchdog { watched: Vec::new(), runs: false });
static CHANGED: Condvar = Condvar::new();

struct Watchdog {
    watched: Vec<(Arc<Watch>, Weak<dyn Overdue>)>,
    /// There is a thread.
    runs: bool,
}

/// The thread: it ends with the last that is to be watched.
fn watch() {
    let mut watchdog = lock(&WATCHDOG);
    while !watchdog.watched.is_empty() {
        let now = Instant::now();
        let mut next = now + FOREVER;
        let mut reports = Vec::new();
        for (watch, object) in &watchdog.watched {
            let (overdue, look_again) = watch.look(now);
            next = next.min(look_again);
            reports.extend(overdue.into_iter().flatten().map(|callback| (object.clone(), callback, watch.limit)));
        }
        if reports.is_empty() {
            let wait = next.saturating_duration_since(now).max(FINEST);
            watchdog = CHANGED.wait_timeout(watchdog, wait).unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        // Without the lock: this may drop the last of an interrupt.
        drop(watchdog);
        for (object, callback, limit) in reports {
            if let Some(object) = object.upgrade() {
                object.overdue(callback, limit);
                // It may be the last of its interrupt.
                sync::drop_caught(object);
            }
        }
        watchdog = lock(&WATCHDOG);
    }
    watchdog.runs = false;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
