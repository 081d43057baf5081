//! The acquisition of a delivery.
//!
//! It does not note the place that has acquired the lock: it would be the same place each time. Instead a bit of the owner word
//! says that the owner is a delivery. (An identity leaves its low bits clear.)

use core::panic::Location;

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
const ACQUIRED_BY_SERVICE: &Location<'static> = Location::caller();

impl By {
    /// Returns the right of an owner that acquires at `at`. A delivery has no place of its own.
    #[inline(always)]
    pub(in crate::lock) fn at(at: Option<&'static Location<'static>>) -> Self {
        if at.is_some() { Self::Thread } else { Self::Delivery }
    }

    #[inline(always)]
    pub(in crate::lock) fn of(owner: usize) -> Self {
        if owner & DELIVERY == 0 { Self::Thread } else { Self::Delivery }
    }

    #[inline(always)]
    pub(in crate::lock) fn bit(self) -> usize {
        match self {
            Self::Thread => 0,
            Self::Delivery => DELIVERY,
        }
    }
}

/// Returns the place that acquired the lock with these words last, if it is known.
pub(in crate::lock) fn taken_at(owner: &AtomicUsize, noted: &Origin) -> Option<&'static Location<'static>> {
    // Relaxed: exact if the caller is the owner, since it wrote the word itself. Others show it for diagnosis.
    match By::of(owner.load(Relaxed)) {
        By::Thread => noted.get(),
        By::Delivery => Some(ACQUIRED_BY_SERVICE),
    }
}
