//! Closures that a driver submits to run with the lock held, without waiting for the lock (rule L12).
//!
//! | file | holds |
//! |---|---|
//! | this one | running them: by an owner's release, by the end |
//! | `submit` | `run_or_defer`: how a driver submits one |
//! | `queue` | the closures that wait |
//! | `none` | stands in for `queue` without an allocator |

#[cfg(not(feature = "alloc"))]
mod none;
#[cfg(feature = "alloc")]
pub(crate) mod queue;
#[cfg(feature = "alloc")]
mod submit;

#[cfg(not(feature = "alloc"))]
pub(crate) use none::Deferred;
#[cfg(feature = "alloc")]
pub(crate) use queue::Deferred;
#[cfg(feature = "alloc")]
pub use submit::Deferral;

use crate::fault::{Callback, Fault};
use crate::interrupt::InterruptObject;
use crate::lock::Tenant;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Runs the closure that was submitted first. Returns `false` if none waits. The caller holds the lock, as `data`
    /// proves.
    pub(super) fn run_next_deferred(&self, data: &mut T) -> bool {
        // SAFETY: the caller holds the lock, as `data` proves.
        let Some(closure) = (unsafe { self.deferred.pop() }) else { return false };
        self.run_deferred(data, closure);
        true
    }

    /// Returns whether closures wait. The caller holds the lock.
    pub(super) fn has_deferred(&self) -> bool {
        // SAFETY: the caller holds the lock: only a release calls this, before it frees the lock.
        !unsafe { self.deferred.is_empty() }
    }

    /// Runs the closures that have been submitted so far, before a disable. The caller holds the lock, as `data` proves.
    pub(in crate::interrupt) fn run_submitted(&self, data: &mut T) {
        // SAFETY: the caller holds the lock, as `data` proves.
        for _ in 0..unsafe { self.deferred.gather() } {
            if self.state.is_inherited() {
                // A closure has forked, and the others are the parent's.
                return;
            }
            self.serve_between(data);
            self.run_next_deferred(data);
        }
    }

    /// Runs all closures that have been submitted, and refuses later ones. The caller holds the lock, as `data` proves.
    pub(in crate::interrupt) fn run_last_deferred(&self, data: &mut T) {
        // SAFETY: the caller holds the lock, as `data` proves.
        unsafe { self.deferred.close() };
        // SAFETY: as above.
        while let Some(closure) = unsafe { self.deferred.pop() } {
            if self.state.is_inherited() {
                self.free(closure);
                continue;
            }
            self.serve_between(data);
            self.run_deferred(data, closure);
        }
    }

    /// Serves the interrupts of the lock before one of several closures that run in one section: their assertions wait
    /// for one closure, not for all. The caller holds the lock, as `data` proves, and is in no callback.
    fn serve_between(&self, data: &mut T) {
        let all = self.all().unwrap_or(self);
        all.serve_deliveries(data);
        all.serve_source(data);
        // The release tells their listeners.
        self.lock().raw().leave_to_owner();
    }

    fn run_deferred(&self, data: &mut T, closure: impl FnOnce(&mut T)) {
        if let Err(message) = sync::catch(|| closure(data)) {
            let fault = Fault::Panicked { callback: Callback::Deferred, message };
            // SAFETY: the caller holds the lock, and is in no callback: closures run between sections.
            unsafe { self.registered.with(|registered| self.set_faulted(registered, fault)) };
        }
    }

    /// Runs what a release has left to the worker.
    #[cfg(feature = "std")]
    pub(crate) fn run_left_over(&self) {
        if self.lock().raw().has_left() {
            // This release runs it.
            drop(self.lock().acquire_until(None));
        }
    }
}
