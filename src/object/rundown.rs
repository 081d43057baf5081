//! The end of an interrupt (rule E6).
//!
//! Dropping the handle disables, flushes, and frees what the driver registered, outside every lock. Where the dropping
//! thread is itself inside a section of this interrupt it can't wait for that section to end, so it leaves a bit, and
//! whoever ends a section looks for it: the release of the lock, the end of a transition, the end of a run of the work
//! item. One of them finds the bit once no section of the dropping thread is left. So it does too where waiting would
//! close a circle with another thread, whose section is the one that ends then.

use super::transition::InTransition;
use super::{Inside, InterruptObject, WorkFn};
use crate::state::{ENABLED, END_DEFERRED, ENDED};

impl<T, W> InterruptObject<T, W> {
    /// Runs the interrupt down, now or as soon as the sections of the calling thread have ended. The answer is whether
    /// it has been done.
    pub(crate) fn end(&self) -> bool {
        let Some(transition) = self.begin_end() else {
            return false;
        };
        if !self.state.has(ENDED) {
            // Freed outside every lock, for these are the driver's destructors.
            let _drivers_own = self.run_down(transition);
        }
        true
    }

    fn run_down(&self, transition: InTransition<'_, T, W>) -> (Option<WorkFn<T, W>>, Inside<T, W>) {
        if self.state.has(ENABLED) {
            // Nobody is left to be told of a failing callback, and the end takes place all the same.
            let _ = transition.disable();
        }
        self.work.close();
        self.flush_work();
        let lock = transition.lock();
        self.state.set(ENDED);
        // SAFETY: with the lock held, and from no callback: `begin_anywhere` refuses those.
        let inside = unsafe { self.inside.with(Inside::take) };
        drop(lock);
        // SAFETY: closed, flushed and idle: no run can begin any more, and the flush has seen the last one end.
        let work = unsafe { self.work_fn.with(Option::take) };
        (work, inside)
    }

    /// The transition, or `None` where waiting for it would never end: then the bit is left for who ends a section.
    fn begin_end(&self) -> Option<InTransition<'_, T, W>> {
        if let Ok(transition) = self.begin_anywhere() {
            return Some(transition);
        }
        self.state.set(END_DEFERRED);
        if self.lock.raw().remind_owner() {
            // This thread or another: the release looks for the bit.
            return None;
        }
        // Another thread's section that was in the way may have ended before the bit was there. The register of waits
        // orders the two: its announcement is withdrawn already, or the withdrawal, and the look after it, are to come.
        let transition = self.begin_anywhere().ok()?;
        self.state.take(END_DEFERRED);
        Some(transition)
    }

    /// Runs the interrupt down if that was left to the section which the caller has ended.
    pub(super) fn take_deferred_end(&self) {
        if self.state.take(END_DEFERRED) {
            self.end();
        }
    }
}
