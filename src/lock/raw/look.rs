//! A look at the lock, for people. It acquires nothing, and changes nothing.

use core::fmt;
use core::panic::Location;

use lock_api::Mutex;

use crate::lock::by_delivery::taken_at;
use crate::lock::raw::RawInterruptLock;
use crate::lock::raw::announced::Announced;
use crate::sync::Ordering::Relaxed;

/// What a look has found. Its parts were read one after the other.
pub(crate) struct Look {
    /// The identity of the owner, or 0 if there is none.
    pub(crate) owner: usize,
    /// The place that acquired the lock last.
    pub(crate) taken_at: Option<&'static Location<'static>>,
    /// How many deliveries wait.
    pub(crate) deliveries: usize,
    /// Threads sleep, or are about to.
    pub(crate) threads: bool,
    /// Something is left to the owner.
    pub(crate) left: bool,
}

impl RawInterruptLock {
    /// Returns the place that acquired the lock last, if it is known.
    pub(super) fn taken_at(&self) -> Option<&'static Location<'static>> {
        taken_at(&self.owner, &self.taken_at)
    }

    pub(crate) fn look(&self) -> Look {
        // Relaxed: a snapshot for a reader's eyes.
        let announced = Announced(self.announced.load(Relaxed));
        Look {
            owner: self.owner(),
            taken_at: self.taken_at(),
            deliveries: announced.waiting(),
            threads: announced.is_parked(),
            left: announced.has_left(),
        }
    }
}

/// As [`RawInterruptLock::look`], at the lock of a mutex.
pub(crate) fn look_at<T>(mutex: &Mutex<RawInterruptLock, T>) -> Look {
    // SAFETY: a look releases nothing.
    unsafe { mutex.raw() }.look()
}

impl fmt::Debug for RawInterruptLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let look = self.look();
        f.debug_struct("RawInterruptLock")
            .field("locked", &(look.owner != 0))
            .field("waiters", &look.threads)
            .field("deliveries", &(look.deliveries != 0))
            .field("left_to_owner", &look.left)
            .finish()
    }
}
