//! The interrupts that share a lock (rule L9).
//!
//! The release serves what was left for any of them. So the lock knows its interrupts: it keeps each from when it is built
//! until it has ended, also where the driver has dropped it in the meantime.

use core::ptr;

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::Name;
use crate::lock::InterruptLock;
use crate::lock::raw::RawInterruptLock;
use crate::lock::release::Tenant;
use crate::sync::{Counter, const_outside_models};

/// An interrupt that shares a lock.
pub(crate) type Sharer<T> = dyn Tenant<T> + Send + Sync;

pub(crate) struct Sharers<T> {
    /// Whose closure runs first. Written with the interrupt lock held.
    turn: Counter,
    /// Never held while anything else is waited for, or called.
    interrupts: Mutex<RawInterruptLock, Vec<Arc<Sharer<T>>>>,
}

impl<T> Sharers<T> {
    const_outside_models! {
        pub(super) fn none() -> Self {
            Self { turn: Counter::new(), interrupts: Mutex::from_raw(RawInterruptLock::new(), Vec::new()) }
        }
    }

    /// Adds an interrupt that has been built.
    pub(crate) fn join(&self, interrupt: Arc<Sharer<T>>) {
        self.interrupts.lock().push(interrupt);
    }

    /// Takes an interrupt out that has ended. The caller holds the interrupt lock, so nobody goes through them meanwhile,
    /// and has the interrupt from somebody else who keeps it: nothing is freed here.
    pub(crate) fn leave(&self, interrupt: *const ()) {
        self.interrupts.lock().retain(|joined| !ptr::addr_eq(Arc::as_ptr(joined), interrupt));
    }

    fn count(&self) -> usize {
        self.interrupts.lock().len()
    }

    fn at(&self, place: usize) -> Option<Arc<Sharer<T>>> {
        self.interrupts.lock().get(place).cloned()
    }

    /// All of them. With the interrupt lock held none leaves: each is met, and none is dropped here.
    fn all(&self) -> impl Iterator<Item = Arc<Sharer<T>>> {
        (0..self.count()).filter_map(|place| self.at(place))
    }
}

/// For a lock with its interrupts: for each of them. A lock that stands alone has none.
impl<T> Tenant<T> for InterruptLock<T> {
    fn name(&self) -> &Name {
        self.name()
    }

    fn serve_deliveries(&self, data: &mut T) {
        self.sharers.all().for_each(|interrupt| interrupt.serve_deliveries(data));
    }

    fn run_closure(&self, data: &mut T) -> bool {
        // Each is first in turn, or the closures of one could keep those of another waiting for ever.
        let first = self.sharers.turn.get() as usize;
        self.sharers.turn.add_exclusive(1);
        let count = self.sharers.count();
        (0..count)
            .filter_map(|step| self.sharers.at(first.wrapping_add(step) % count))
            .any(|interrupt| interrupt.run_closure(data))
    }

    fn has_closures(&self) -> bool {
        self.sharers.all().any(|interrupt| interrupt.has_closures())
    }

    fn pass_on_closures(&self) -> bool {
        // One worker is enough.
        self.sharers.all().any(|interrupt| interrupt.pass_on_closures())
    }

    fn after_release(&self) {
        // From the last to the first: one that leaves meanwhile, or now, moves only those that have been met.
        for place in (0..self.sharers.count()).rev() {
            if let Some(interrupt) = self.sharers.at(place) {
                interrupt.after_release();
            }
        }
    }
}
