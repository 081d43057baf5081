//! The acquisition of a delivery.
//!
//! It does not note the place that has acquired the lock: it would be the same place each time. Instead a bit of the owner word
//! says that the owner is a delivery. (An identity leaves its low bits clear.)

use core::panic::Location;

use crate::lock::raw::announced::Announced;
use crate::lock::raw::{Acquisition, Place, RawInterruptLock};
use crate::sync;
use crate::sync::{AtomicUsize, Ordering::Relaxed, Origin};

/// By what right the owner of a lock has it.
#[derive(Clone, Copy)]
pub(in crate::lock) enum By {
    /// It is a thread that has acquired it.
    Thread,
    /// It is a delivery.
    Delivery,
}

/// The bit of the owner word.
const DELIVERY: usize = 1;

const _: () = assert!(DELIVERY & !sync::MARKS == 0);

/// The place that panics and errors name if an ISR acquires the lock with which it runs, or waits for something else.
const ACQUIRED_BY_SERVICE: Place = Location::caller();

impl By {
    /// Returns the right of an owner that acquires at `at`. A delivery has no place of its own.
    #[inline(always)]
    pub(super) fn at(at: Option<Place>) -> Self {
        if at.is_some() { Self::Thread } else { Self::Delivery }
    }

    fn of(owner: usize) -> Self {
        if owner & DELIVERY == 0 { Self::Thread } else { Self::Delivery }
    }

    #[inline(always)]
    pub(super) fn bit(self) -> usize {
        match self {
            Self::Thread => 0,
            Self::Delivery => DELIVERY,
        }
    }
}

impl RawInterruptLock {
    /// Takes the lock for a delivery, if it is free and no other delivery waits. If that fails, the caller calls
    /// [`deliver_slow`](Self::deliver_slow).
    #[inline(always)]
    pub(crate) fn deliver_at_once(&self) -> Option<Acquisition> {
        self.take(None, Announced::precedes_deliveries).ok()
    }

    /// Returns by what right the caller, which is the owner, has the lock.
    #[inline(always)]
    pub(in crate::lock) fn owned_by(&self) -> By {
        // Relaxed: the caller has written the word itself.
        By::of(self.owner.load(Relaxed))
    }

    /// Returns the place that acquired the lock last, if it is known.
    pub(super) fn taken_at(&self) -> Option<Place> {
        taken_at(&self.owner, &self.taken_at)
    }
}

/// Returns the place that acquired the lock with these words last, if it is known.
pub(in crate::lock) fn taken_at(owner: &AtomicUsize, noted: &Origin) -> Option<Place> {
    // Relaxed: exact if the caller is the owner, since it wrote the word itself. Others show it for diagnosis.
    match By::of(owner.load(Relaxed)) {
        By::Thread => noted.get(),
        By::Delivery => Some(ACQUIRED_BY_SERVICE),
    }
}
