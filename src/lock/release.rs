//! A release that serves what was left to the owner of the lock.
//!
//! A delivery that must not wait, a deferred closure and an end are *left to the owner*: the owner finds them as it
//! releases the lock. The release takes the lock back, serves one batch, and frees the lock again. A batch is all
//! deliveries that were left, and one closure. So a delivery that waits goes before the next closure (rules L7, L12).

use lock_api::Mutex;

use crate::lock::raw::RawInterruptLock;
use crate::name::Name;

/// How many closures one release runs. It passes the others on.
const CLOSURES: u32 = 64;

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

    /// Runs the next deferred closure. Returns whether there was one. Runs with the lock held.
    fn run_closure(&self, data: &mut T) -> bool;

    /// Returns whether deferred closures wait. Runs with the lock held.
    fn has_closures(&self) -> bool;

    /// Makes a worker go on with the closures that a release passes on. Returns whether there is a worker.
    fn pass_on_closures(&self) -> bool;

    /// Runs after a release that has served: wakes a listener, ends an interrupt whose handle has been dropped.
    fn after_release(&self);
}

/// What a release does after it has served one batch.
enum Next {
    /// It frees the lock: nothing is left.
    Free,
    /// It frees the lock, so that a delivery that waits comes next. If none waits, it goes on with the closures that
    /// are left.
    FreeAndGoOn,
    /// It has run as many closures as it may, and some are left: it frees the lock and passes them on.
    PassOn,
}

/// The result of a release that had to serve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Released {
    /// Nothing is left to the owner.
    AllServed,
    /// The release has run as many closures as it may, and some are left.
    ClosuresLeft,
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
    let mut closures = 0;
    let released = loop {
        let next = if raw.take_left() {
            // SAFETY: this thread still holds the lock, and the borrow has ended.
            let acquisition = unsafe { raw.resume() };
            // SAFETY: the acquisition excludes every other access.
            let next = serve_batch(unsafe { &mut *mutex.data_ptr() }, tenant, &mut closures);
            acquisition.end();
            next
        } else {
            Next::Free
        };
        match next {
            Next::Free => {}
            Next::FreeAndGoOn => raw.note_left(),
            Next::PassOn => {
                raw.note_left();
                // SAFETY: this thread still holds the lock, without a borrow, and does not touch the data again.
                unsafe { raw.release_passing_on() };
                break Released::ClosuresLeft;
            }
        }
        // SAFETY: this thread still holds the lock, without a borrow, and does not touch the data again after success.
        if unsafe { raw.release() }.is_ok() {
            break Released::AllServed;
        }
    };
    tenant.after_release();
    released
}

/// Serves one batch: the deliveries that were left, and one closure.
fn serve_batch<T>(data: &mut T, tenant: &dyn Tenant<T>, closures: &mut u32) -> Next {
    tenant.serve_deliveries(data);
    if *closures < CLOSURES {
        *closures += 1;
        tenant.run_closure(data);
    }
    match tenant.has_closures() {
        false => Next::Free,
        true if *closures < CLOSURES => Next::FreeAndGoOn,
        true => Next::PassOn,
    }
}
