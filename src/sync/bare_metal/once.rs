//! A value that is set once. Reading it never waits.

use crate::sync::{AtomicUsize, Locked, Ordering, const_outside_models};

const EMPTY: usize = 0;
const WRITING: usize = 1;
const THERE: usize = 2;

/// A value that is set once.
pub(crate) struct Once<T> {
    state: AtomicUsize,
    value: Locked<Option<T>>,
}

impl<T: Copy + Sync> Once<T> {
    const_outside_models! {
        pub(crate) fn new() -> Self {
            Self {
                state: AtomicUsize::new(EMPTY),
                value: Locked::new(None),
            }
        }
    }

    /// Sets the value. Returns `false`, and changes nothing, if it has been set before or is being set.
    pub(crate) fn set(&self, value: T) -> bool {
        // Relaxed: the winner of EMPTY may write; it reads nothing.
        let first = self.state.compare_exchange(EMPTY, WRITING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            // SAFETY: only one caller wins EMPTY, and no thread reads before THERE.
            unsafe { self.value.with(|slot| *slot = Some(value)) };
            // Release: pairs with the Acquire in `get`, which then reads the value.
            self.state.store(THERE, Ordering::Release);
        }
        first
    }

    /// Returns the value, if it has been set.
    #[cfg_attr(feature = "std", allow(dead_code, reason = "an operating system knows better"))]
    pub(crate) fn get(&self) -> Option<T> {
        // Acquire: pairs with the Release in `set`.
        if self.state.load(Ordering::Acquire) != THERE {
            return None;
        }
        // SAFETY: after THERE the value is never written again.
        unsafe { self.value.read(|value| *value) }
    }
}
