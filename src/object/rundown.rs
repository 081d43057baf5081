//! The end of an interrupt (rule E6).
//!
//! Dropping the handle disables, flushes, and frees what the driver registered, outside every lock. Where the dropping
//! thread is itself inside a section of this interrupt (or somebody is who waits for the dropping thread) it can't wait
//! for that section to end. So it leaves a bit, and whoever ends a section looks for it: the release of the lock, the
//! end of a transition, the end of a run of the work item. The last of them finds nothing left to wait for.

use super::transition::InTransition;
use super::{Inside, InterruptObject, WorkFn};
use crate::state::{ENABLED, END_DEFERRED, ENDED};

impl<T, W> InterruptObject<T, W> {
    /// Runs the interrupt down, now or as soon as the sections of the calling thread have ended. The answer is whether
    /// it has been done.
    pub(crate) fn end(&self) -> bool {
        let Ok(transition) = self.begin_anywhere() else {
            self.state.set(END_DEFERRED);
            // The release then looks for the bit; the ends of the other sections always do.
            self.lock.raw().remind_owner();
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
}
