//! Reports callbacks that do not return in time (rule I17).
//!
//! Only interrupts that ask for it have their callbacks wrapped, so the others pay nothing. One thread looks after all of
//! them. It takes no interrupt lock, because a callback that does not return holds that lock.
//!
//! | file | holds |
//! |---|---|
//! | this one | which callbacks of an interrupt are running, and since when |
//! | `thread` | the thread that looks after all interrupts |
//! | `model` | its stand-in under loom, which has no clock |

#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod thread;

use core::time::Duration;
use std::time::Instant;

use alloc::sync::{Arc, Weak};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::fault::{Callback, Overdue};
use crate::lock::RawInterruptLock;
use crate::sync::Process;
#[cfg(loom)]
use model as thread;

/// As good as for ever. A later moment may be more than the clock can say.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// Shorter limits are looked after no more often than this, or once in a limit.
const FINEST_TICK: Duration = Duration::from_millis(5);

/// An interrupt that is told of its overdue callbacks.
pub(crate) trait Watchable: Send + Sync {
    /// A callback has become overdue.
    fn became_overdue(&self, overdue: Overdue);
}

/// The callbacks of one interrupt that are running.
pub(crate) struct RunningCallbacks {
    limit: Duration,
    /// The callback that runs with the interrupt lock held: one at a time.
    locked: RunSlot,
    work_item: RunSlot,
}

type RunSlot = Mutex<RawInterruptLock, Option<Run>>;

/// A callback that is running.
#[derive(Clone, Copy)]
struct Run {
    callback: Callback,
    since: Instant,
    reported: bool,
}

/// The owner of an interrupt's record: its callbacks are watched until this is dropped.
pub(crate) struct Watched(Arc<RunningCallbacks>, Process);

impl Watched {
    pub(crate) fn new(limit: Duration) -> Self {
        let slot = || Mutex::from_raw(RawInterruptLock::new(), None);
        Self(
            Arc::new(RunningCallbacks { limit: limit.min(FOREVER), locked: slot(), work_item: slot() }),
            Process::this(),
        )
    }

    /// Has `object` told from now on.
    pub(crate) fn tell(&self, object: Weak<dyn Watchable>) -> Result<(), SourceError> {
        thread::watch(self.0.clone(), object)
    }

    /// Returns the record of what runs. (Only its owner ends the watch, and that waits for a lock.)
    pub(crate) fn callbacks(&self) -> Weak<RunningCallbacks> {
        Arc::downgrade(&self.0)
    }

    /// Runs `body`, which is the `callback`, and notes how long it has been running.
    pub(crate) fn run<R>(&self, callback: Callback, body: impl FnOnce() -> R) -> R {
        let slot = if callback == Callback::WorkItem { &self.0.work_item } else { &self.0.locked };
        *slot.lock() = Some(Run { callback, since: Instant::now(), reported: false });
        // Also if the body panics.
        let _end = EndOfRun(slot);
        body()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A forked child has a watchdog of its own.
        if self.1.is_this() {
            thread::forget(&self.0);
        }
    }
}

/// Notes as it is dropped that a callback has returned.
struct EndOfRun<'a>(&'a RunSlot);

impl Drop for EndOfRun<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// What a look has found: the callback that runs with the interrupt lock held, and for how long; and for how long the work
/// item has been running.
pub(crate) type LookedAt = (Option<(Callback, Duration)>, Option<Duration>);

impl RunningCallbacks {
    /// Returns the callback that is overdue at this moment: of two, the one that runs with the interrupt lock held.
    pub(crate) fn overdue(&self) -> Option<Overdue> {
        let Self { limit, locked, work_item } = self;
        let reported = |slot: &RunSlot| (*slot.lock()).filter(|run| run.reported);
        let run = reported(locked).or_else(|| reported(work_item))?;
        Some(Overdue { callback: run.callback, limit: *limit })
    }

    /// Returns what runs at this moment. Never waits: what another thread is changing is left out.
    pub(crate) fn running(&self) -> LookedAt {
        let look = |slot: &RunSlot| slot.try_lock().and_then(|run| *run).map(|run| (run.callback, run.since.elapsed()));
        (look(&self.locked), look(&self.work_item).map(|(_, time)| time))
    }
}

#[cfg_attr(loom, expect(dead_code, reason = "a model has no clock"))]
impl RunningCallbacks {
    /// Returns the callbacks to report now, and when to look again. For the time of `stopped` before `now` the process has
    /// not run: that does not count.
    fn look(&self, now: Instant, stopped: Duration) -> ([Option<Callback>; 2], Instant) {
        let mut next = now + self.tick();
        let overdue = [&self.locked, &self.work_item].map(|slot| {
            let mut slot = slot.lock();
            let run = slot.as_mut().filter(|run| !run.reported)?;
            run.since = (run.since + stopped).min(now);
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

    /// How long the thread sleeps between two looks. It notices that the process was stopped because it wakes late. The
    /// part of the stop that falls into its sleep counts all the same, so the sleep is a fraction of the limit.
    fn tick(&self) -> Duration {
        (self.limit / 4).max(FINEST_TICK.min(self.limit))
    }
}
