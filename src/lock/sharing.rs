//! The interrupts that share a lock (rule L9).
//!
//! A release serves what was left to the owner for any of them. So the lock knows its interrupts: it keeps each from
//! its building to its end, even after the driver has dropped the handle.

use core::ptr;

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::lock::InterruptLock;
use crate::lock::raw::RawInterruptLock;
use crate::lock::release::Tenant;
use crate::name::Name;
use crate::sync;
use crate::sync::{Counter, const_outside_models};

/// The interrupts that share a lock.
pub(crate) struct Tenants<T> {
    /// Which interrupt's closures the next release looks at first. Written with the interrupt lock held.
    first: Counter,
    /// A thread that holds this lock waits for nothing else, and calls no callback.
    interrupts: Mutex<RawInterruptLock, Vec<Arc<dyn Tenant<T> + Send + Sync>>>,
}

impl<T> Tenants<T> {
    const_outside_models! {
        pub(super) fn none() -> Self {
            Self { first: Counter::new(), interrupts: Mutex::from_raw(RawInterruptLock::new(), Vec::new()) }
        }
    }

    /// Adds an interrupt that has been built.
    pub(crate) fn join(&self, interrupt: Arc<dyn Tenant<T> + Send + Sync>) {
        self.interrupts.lock().push(interrupt);
    }

    /// Takes out an interrupt that has ended. The caller holds the interrupt lock, so no release goes through the
    /// interrupts meanwhile. The caller's own reference keeps the interrupt, so nothing is freed here.
    pub(crate) fn leave(&self, interrupt: *const ()) {
        self.interrupts.lock().retain(|joined| !ptr::addr_eq(Arc::as_ptr(joined), interrupt));
    }

    fn count(&self) -> usize {
        self.interrupts.lock().len()
    }

    fn at(&self, place: usize) -> Option<Arc<dyn Tenant<T> + Send + Sync>> {
        self.interrupts.lock().get(place).cloned()
    }

    /// Returns all of them, one by one. The caller holds the interrupt lock, so none leaves: the iterator skips none,
    /// and frees none.
    fn all(&self) -> impl Iterator<Item = Arc<dyn Tenant<T> + Send + Sync>> {
        (0..self.count()).filter_map(|place| self.at(place))
    }
}

/// Does for each interrupt what a release does for one. A lock on its own has none.
impl<T> Tenant<T> for InterruptLock<T> {
    fn name(&self) -> &Name {
        self.name()
    }

    fn serve_deliveries(&self, data: &mut T) {
        self.tenants.all().for_each(|interrupt| interrupt.serve_deliveries(data));
    }

    fn serve_source(&self, data: &mut T) {
        self.tenants.all().for_each(|interrupt| interrupt.serve_source(data));
    }

    fn run_closure(&self, data: &mut T) -> bool {
        // Another interrupt is first each time. Otherwise one interrupt's closures could keep another's waiting for
        // ever.
        let first = self.tenants.first.get() as usize;
        self.tenants.first.count_exclusive();
        let count = self.tenants.count();
        (0..count)
            .filter_map(|step| self.tenants.at(first.wrapping_add(step) % count))
            .any(|interrupt| interrupt.run_closure(data))
    }

    fn has_closures(&self) -> bool {
        self.tenants.all().any(|interrupt| interrupt.has_closures())
    }

    fn is_inherited(&self) -> bool {
        // First of all, because the list has a lock.
        sync::is_forked() && self.tenants.all().any(|interrupt| interrupt.is_inherited())
    }

    fn pass_on(&self) -> bool {
        // One worker is enough.
        self.tenants.all().any(|interrupt| interrupt.pass_on())
    }

    fn after_release(&self) {
        // From the last to the first: an interrupt that leaves moves only those that this loop has already visited.
        for place in (0..self.tenants.count()).rev() {
            if let Some(interrupt) = self.tenants.at(place) {
                interrupt.after_release();
            }
        }
    }
}
