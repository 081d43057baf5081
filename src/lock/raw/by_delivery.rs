//! The acquisition of a delivery that finds the lock free.
//!
//! Such a delivery does not note the place that has acquired the lock: it would be the same place each time. Instead a bit of
//! the owner word says that the owner is a delivery. (An identity leaves its low bits clear.)

use core::panic::Location;

use crate::lock::raw::announced::Announced;
use crate::lock::raw::{Acquisition, Place, RawInterruptLock};
use crate::sync;
use crate::sync::{AtomicUsize, Ordering::Relaxed, Origin};

/// The bit of the owner word.
pub(super) const BY_DELIVERY: usize = 1;

const _: () = assert!(BY_DELIVERY & !sync::MARKS == 0);

/// The place that panics and errors name if an ISR acquires the lock with which it runs, or its owner waits for something else.
const ACQUIRED_BY_SERVICE: Place = Location::caller();

impl RawInterruptLock {
    /// Takes the lock for a delivery, if it is free and no other delivery waits. If that fails, the caller calls
    /// [`deliver_slow`](Self::deliver_slow).
    #[inline(always)]
    pub(crate) fn deliver_at_once(&self) -> Option<Acquisition> {
        self.take(None, Announced::precedes_deliveries).ok()
    }

    /// Returns the place that acquired the lock last, if it is known.
    pub(super) fn taken_at(&self) -> Option<Place> {
        taken_at(&self.owner, &self.taken_at)
    }
}

/// Returns the place that acquired the lock with these words last, if it is known.
pub(in crate::lock) fn taken_at(owner: &AtomicUsize, noted: &Origin) -> Option<Place> {
    // Relaxed: exact if the caller is the owner, since it wrote the word itself. Others show it for diagnosis.
    if owner.load(Relaxed) & BY_DELIVERY != 0 { Some(ACQUIRED_BY_SERVICE) } else { noted.get() }
}
