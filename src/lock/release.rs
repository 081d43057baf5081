//! A release that serves what was left to the owner of the lock.
//!
//! A delivery that must not wait, a deferred closure and an end are *left to the owner*: the owner finds them as it
//! releases the lock. The release takes the lock back, serves one batch, and frees the lock again. A batch is all
//! deliveries that were left, and one closure. Right before the closure, the release also delivers what the sources of
//! its interrupts have signalled. So an assertion waits for one closure, and never for the next (rules L7, L12).
//!
//! A release serves a bounded number of batches, and then passes on what is left: the mark stays on the lock, and the
//! release wakes a thread that waits for it. The worker goes on, if there is one; otherwise the next owner does. So an
//! ISR or a closure that asks for itself again and again keeps nobody from the lock. A watcher has other interrupts to
//! serve, so its release passes on after one closure already, if there is a worker (rule I16).

use lock_api::Mutex;

use crate::lock::raw::{RawInterruptLock, StillHeld, Unfinished};
use crate::name::Name;
use crate::sync;

/// How many batches one release serves. It passes the rest on.
const BATCHES: u32 = 64;

/// The interrupt for which a lock is held, or all interrupts that share the lock: what a release does for them.
///
/// No method unwinds.
pub(crate) trait Tenant<T> {
    /// Returns the name for errors.
    fn name(&self) -> &Name;

    /// Returns all that share the lock, if it is shared: the release serves them instead.
    fn all(&self) -> Option<&dyn Tenant<T>> {
        None
    }

    /// Serves the deliveries that were left to the owner. Runs with the lock held.
    fn serve_deliveries(&self, data: &mut T);

    /// Delivers what the source has signalled, which its dispatcher has perhaps not seen yet. Runs with the lock held.
    fn serve_source(&self, data: &mut T);

    /// Runs the next deferred closure. Returns whether there was one. Runs with the lock held.
    fn run_closure(&self, data: &mut T) -> bool;

    /// Returns whether deferred closures wait. Runs with the lock held.
    fn has_closures(&self) -> bool;

    /// Returns whether another process built the interrupt, from which this one was forked ([rule
    /// I20](crate::guide::contract#i20)). Then nobody waits for its lock: the owner may be a thread of that process.
    fn is_inherited(&self) -> bool;

    /// Makes a worker go on with what a release passes on, and starts it if necessary. Returns whether there is one.
    fn pass_on(&self) -> bool;

    /// Runs after a release that has served: wakes a listener, ends an interrupt whose handle has been dropped.
    fn after_release(&self);
}

/// The result of a release that had to serve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Released {
    /// Nothing is left to the owner.
    AllServed,
    /// The release has served as much as it may, and something is left.
    SomeLeft,
}

/// Finishes a release that has found something announced. It may serve what was left to the owner, and then passes on what
/// it leaves.
///
/// # Safety
///
/// The caller has begun the release, and does not touch the lock's data any more.
#[cold]
pub(super) unsafe fn finish_release<T>(
    mutex: &Mutex<RawInterruptLock, T>,
    tenant: &dyn Tenant<T>,
    unfinished: Unfinished,
) {
    // SAFETY: only this module releases the lock.
    let raw = unsafe { mutex.raw() };
    if let Err(StillHeld) = raw.finish_release(unfinished, tenant.is_inherited()) {
        // SAFETY: after `StillHeld` this thread holds the lock, and no borrow is left.
        let released = unsafe { release_serving(mutex, tenant) };
        if released == Released::SomeLeft {
            // (A watcher's release may have told the worker already. Then the worker looks once in vain.)
            tenant.all().unwrap_or(tenant).pass_on();
        }
    }
}

/// Serves what was left to the owner until the lock can be freed, and frees it.
///
/// It takes the guard's parts, not the guard. A guard whose address is passed on has to be in memory, and the release
/// would wait for each of those stores.
///
/// # Safety
///
/// The caller holds the lock, without a borrow. Afterwards it must not touch the lock's data any more.
#[cold]
pub(super) unsafe fn release_serving<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Released {
    // SAFETY: the caller holds the lock, and only this function releases it.
    let raw = unsafe { mutex.raw() };
    let tenant = tenant.all().unwrap_or(tenant);
    let (by, mut batches, mut has_run_closure) = (raw.owned_by(), 0, false);
    let released = loop {
        if raw.take_left() {
            batches += 1;
            // SAFETY: this thread still holds the lock, and the borrow has ended.
            let acquisition = unsafe { raw.resume() };
            // SAFETY: the acquisition excludes every other access.
            has_run_closure |= serve_batch(unsafe { &mut *mutex.data_ptr() }, tenant);
            if tenant.has_closures() {
                // While closures wait, the lock is never free without this mark: none is forgotten, and none overtaken.
                raw.note_left();
            }
            acquisition.end();
        }
        // Free the lock, so that a delivery that waits comes next. Only if none waits, go on with what is left.
        // SAFETY: this thread still holds the lock, without a borrow, and does not touch the data again after success.
        let began = unsafe { raw.begin_release(by) };
        if began.or_else(|unfinished| raw.finish_release(unfinished, tenant.is_inherited())).is_ok() {
            break Released::AllServed;
        }
        if batches == BATCHES || (has_run_closure && sync::is_watcher() && tenant.pass_on()) {
            // SAFETY: this thread still holds the lock, without a borrow, and does not touch the data again.
            unsafe { raw.release_passing_on() };
            break Released::SomeLeft;
        }
    };
    tenant.after_release();
    released
}

/// Serves one batch. Returns whether it has run a closure.
fn serve_batch<T>(data: &mut T, tenant: &dyn Tenant<T>) -> bool {
    tenant.serve_deliveries(data);
    if !tenant.has_closures() {
        return false;
    }
    tenant.serve_source(data);
    tenant.run_closure(data)
}
