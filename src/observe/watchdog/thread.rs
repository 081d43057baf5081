//! The thread that looks after the callbacks of all interrupts. It ends with the last interrupt that is watched.

use core::time::Duration;
use std::thread::{self, Thread};
use std::time::Instant;

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use lock_api::{Mutex, MutexGuard};

use crate::cause::SourceError;
use crate::fault::Overdue;
use crate::lock::RawInterruptLock;
use crate::name::Name;
use crate::observe::watchdog::{FOREVER, RunningCallbacks, Watchable};
use crate::sync;
use crate::sync::{GENERATIONS, OfEachProcess, VainWakeups};

/// The thread sleeps at least for so long between two looks.
const FINEST: Duration = Duration::from_millis(1);

static WATCHDOG: OfEachProcess<Mutex<RawInterruptLock, Watchdog>> =
    OfEachProcess::new([const { Mutex::new(Watchdog::new()) }; GENERATIONS]);

struct Watchdog {
    /// By the address of the record.
    watched: BTreeMap<usize, (Arc<RunningCallbacks>, Weak<dyn Watchable>)>,
    /// The thread, while there is one.
    thread: Option<Thread>,
    /// When the thread looks next, once it has looked.
    planned: Option<Instant>,
    /// The process of that thread.
    process: usize,
}

/// Locks the watchdog. A forked child begins with a new one.
fn lock() -> MutexGuard<'static, RawInterruptLock, Watchdog> {
    let mut watchdog = WATCHDOG.this().lock();
    if watchdog.process != sync::process_number() {
        *watchdog = Watchdog { process: sync::process_number(), ..Watchdog::new() };
    }
    watchdog
}

impl Watchdog {
    const fn new() -> Self {
        Self { watched: BTreeMap::new(), thread: None, planned: None, process: 0 }
    }

    /// Has the thread look again.
    fn wake(&self) {
        self.thread.as_ref().inspect(|thread| thread.unpark());
    }
}

/// Watches `callbacks` for `object`. Starts the thread if there is none.
pub(super) fn watch(callbacks: Arc<RunningCallbacks>, object: Weak<dyn Watchable>) -> Result<(), SourceError> {
    let mut watchdog = lock();
    if watchdog.thread.is_none() {
        // The process may be stopped before the thread first runs.
        let started = Instant::now();
        let handle = sync::start_thread(&Name::new("overdue"), move || look_after_all(started))?;
        watchdog.thread = Some(handle.thread().clone());
    }
    // Its limit may be shorter than the others'.
    let look = Instant::now() + callbacks.tick();
    if watchdog.planned.is_some_and(|planned| look < planned) {
        watchdog.wake();
    }
    watchdog.watched.insert(place(&callbacks), (callbacks, object));
    Ok(())
}

/// Watches `callbacks` no longer.
pub(super) fn forget(callbacks: &Arc<RunningCallbacks>) {
    let mut watchdog = lock();
    let forgotten = watchdog.watched.remove(&place(callbacks));
    if watchdog.watched.is_empty() {
        watchdog.wake();
    }
    drop(watchdog);
    drop(forgotten);
}

fn place(callbacks: &Arc<RunningCallbacks>) -> usize {
    Arc::as_ptr(callbacks).addr()
}

/// The thread. `planned` is when it was to wake.
fn look_after_all(mut planned: Instant) {
    let mut vain_wakeups = VainWakeups::default();
    loop {
        let mut watchdog = lock();
        if watchdog.watched.is_empty() {
            (watchdog.thread, watchdog.planned) = (None, None);
            return;
        }
        let now = Instant::now();
        // If the thread wakes late, it was not let run. Nor, then, were the callbacks, or not for all of that time.
        let stopped = now.saturating_duration_since(planned);
        let mut next = now + FOREVER;
        let mut reports = Vec::new();
        for (callbacks, object) in watchdog.watched.values() {
            let (overdue, look_again) = callbacks.look(now, stopped);
            next = next.min(look_again);
            let limit = callbacks.limit;
            let new = overdue.into_iter().flatten().map(|callback| Overdue { callback, limit });
            reports.extend(new.map(|overdue| (object.clone(), overdue)));
        }
        planned = next.max(now + FINEST);
        watchdog.planned = Some(planned);
        // From here on without the lock: a report may drop the last handle to an interrupt.
        drop(watchdog);
        if reports.is_empty() {
            // A wake-up since the look makes this return at once.
            thread::park_timeout(planned.saturating_duration_since(now));
            // (An interrupt that comes or goes wakes it early, too.)
            vain_wakeups.note(Instant::now() < planned);
            continue;
        }
        for (object, overdue) in reports {
            if let Some(object) = object.upgrade() {
                object.became_overdue(overdue);
                // This may be the last handle to its interrupt.
                sync::free_silently(object);
            }
        }
    }
}
