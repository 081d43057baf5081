//! What a release does for those who left something to the owner of the lock.
//!
//! A delivery that must not wait, a deferred closure, an end: each is *left to the owner*, who finds it as the lock is
//! released. The release takes the lock back, serves one turn, and frees it again, so that a delivery that waits goes
//! before the next closure (rules L7, L12).

use lock_api::Mutex;

use crate::Name;
use crate::lock::raw::RawInterruptLock;

/// How many closures a release runs. The others are passed on.
const CLOSURES: u32 = 64;

/// For whom a lock is held, and what its release does for them: one interrupt, or all that share the lock. Nothing of
/// this unwinds.
pub(crate) trait Tenant<T> {
    /// As in errors.
    fn name(&self) -> &Name;

    /// Returns all that share the lock, where it is shared: the release serves them.
    fn all(&self) -> Option<&dyn Tenant<T>> {
        None
    }

    /// Serves the deliveries that were left. Runs with the lock held.
    fn serve_deliveries(&self, data: &mut T);

    /// Runs the deferred closure whose turn it is; returns whether there was one. Runs with the lock held.
    fn run_closure(&self, data: &mut T) -> bool;

    /// Returns whether deferred closures wait. Runs with the lock held.
    fn has_closures(&self) -> bool;

    /// Has a worker go on with the closures that a release passes on; returns whether there is a worker.
    fn pass_on_closures(&self) -> bool;

    /// Follows a release that had served: tells a listener, ends what was to be ended.
    fn after_release(&self);
}

/// What a release that has served one turn does next.
enum Next {
    /// Nothing is left: it frees the lock.
    Free,
    /// Closures are left: it frees the lock, so that a delivery that waits comes next, and goes on if none does.
    FreeAndGoOn,
    /// It has run as many closures as it may: it frees the lock and passes the others on.
    PassOn,
}

/// How a release that had to serve has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Released {
    /// Nothing is left.
    AllServed,
    /// It has run as many closures as it may, and some are left.
    ClosuresLeft,
}

/// Serves what was left until the lock can be freed, and frees it.
///
/// It takes the guard's parts, not the guard: one whose address is known has to be in memory, and each store between
/// acquire and release is one more that the release waits for.
///
/// # Safety
///
/// The caller holds the lock, without a borrow, and passes it on: it must not touch the lock or the data any more.
#[cold]
pub(super) unsafe fn release_serving<T>(mutex: &Mutex<RawInterruptLock, T>, tenant: &dyn Tenant<T>) -> Released {
    // SAFETY: the lock is held, and is released here alone.
    let raw = unsafe { mutex.raw() };
    let tenant = tenant.all().unwrap_or(tenant);
    let mut closures = 0;
    let released = loop {
        let next = if raw.take_left() {
            // SAFETY: the lock is still held, and its borrow has ended.
            let acquisition = unsafe { raw.resume() };
            // SAFETY: the acquisition excludes every other access.
            let next = serve_turn(unsafe { &mut *mutex.data_ptr() }, tenant, &mut closures);
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
                // SAFETY: still held, without a borrow, and not touched again.
                unsafe { raw.release_passing_on() };
                break Released::ClosuresLeft;
            }
        }
        // SAFETY: still held, without a borrow, and not touched again after success.
        if unsafe { raw.release() }.is_ok() {
            break Released::AllServed;
        }
    };
    tenant.after_release();
    released
}

/// One turn: the deliveries, and one closure.
fn serve_turn<T>(data: &mut T, tenant: &dyn Tenant<T>, closures: &mut u32) -> Next {
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
