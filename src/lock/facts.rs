//! Facts that every build checks: which of the lock's types are `Send` and `Sync`, and their sizes.

use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::lock::{Acquisition, InterruptLock, InterruptLockGuard};

// The lock makes data that is `Send` shareable, and no other data.
assert_impl_all!(InterruptLock<core::cell::Cell<u32>>: Send, Sync);
assert_not_impl_any!(InterruptLock<*mut u32>: Send, Sync);

// A guard belongs to its thread (rule L5), whatever the data is, and can't be copied.
assert_not_impl_any!(InterruptLockGuard<'static, u32>: Send, Sync, Clone, Copy, Default);
assert_not_impl_any!(Acquisition: Send, Clone, Copy, Default);

/// Sizes outside models: a model's lock carries what loom needs.
#[cfg(not(loom))]
mod sizes {
    use static_assertions::const_assert_eq;

    use super::*;
    use crate::lock::RawInterruptLock;

    const WORD: usize = size_of::<usize>();

    // The owner word, the announce word and the place that took the lock; on bare metal what the mask has found, too. They
    // are on one cache line, since a release touches both words.
    const_assert_eq!(size_of::<RawInterruptLock>(), 3 * WORD + size_of::<crate::sync::Kept>());
    // The mutex, and the tenant with its table of functions. An `Option` of a guard takes no more room.
    const_assert_eq!(size_of::<InterruptLockGuard<'_, u32>>(), 3 * WORD);
    const_assert_eq!(size_of::<Option<InterruptLockGuard<'_, u32>>>(), 3 * WORD);
    // In a kernel's pool two words are the alignment that a box can have.
    #[cfg(not(feature = "std"))]
    static_assertions::const_assert!(align_of::<InterruptLock<u64>>() <= 2 * WORD);
}
