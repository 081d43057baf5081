//! The place that took a lock. It serves diagnosis only, so it stays out of the models.

use core::panic::Location;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// The place in the driver's source that took the lock last.
pub(crate) struct Origin(AtomicPtr<Location<'static>>);

impl Origin {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline(always)]
    pub(crate) fn set(&self, at: &'static Location<'static>) {
        let at = ptr::from_ref(at).cast_mut();
        // Relaxed: only the owner writes it. The owner reads it when it acquires again, and others for diagnosis. The next acquisition
        // waits until each store of this section has reached the cache. So a store that changes nothing is left out.
        if self.0.load(Ordering::Relaxed) != at {
            self.0.store(at, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> Option<&'static Location<'static>> {
        // Relaxed: see `set`.
        let at = self.0.load(Ordering::Relaxed);
        // SAFETY: `set` stores nothing but `&'static` references, and the initial value is null.
        unsafe { at.as_ref() }
    }
}
