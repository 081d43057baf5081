//! What may be sent, what may be shared, and how large it is: facts that every build checks.

use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::{Acquisition, InterruptLock, InterruptLockGuard};

// The lock makes what may be sent shareable, and nothing else.
assert_impl_all!(InterruptLock<core::cell::Cell<u32>>: Send, Sync);
assert_not_impl_any!(InterruptLock<*mut u32>: Send, Sync);

// A section belongs to its thread (rule L5), whatever the data is, and is not to be had twice.
assert_not_impl_any!(InterruptLockGuard<'static, u32>: Send, Sync, Clone, Copy, Default);
assert_not_impl_any!(Acquisition: Send, Clone, Copy, Default);

/// A model's lock carries what loom needs, so only the real one has a size worth knowing.
#[cfg(not(loom))]
mod sizes {
    use static_assertions::const_assert_eq;

    use super::*;
    use crate::RawInterruptLock;

    const WORD: usize = size_of::<usize>();

    // The owner, what is announced, and where it was taken: on one cache line, since a release touches two of them.
    const_assert_eq!(size_of::<RawInterruptLock>(), 3 * WORD);
    // The mutex, and what is done at the release. One that was not had takes no more room.
    const_assert_eq!(size_of::<InterruptLockGuard<'_, u32>>(), 3 * WORD);
    const_assert_eq!(size_of::<Option<InterruptLockGuard<'_, u32>>>(), 3 * WORD);
}
