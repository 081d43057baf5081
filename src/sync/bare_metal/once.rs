//! A value that is written once, and that nobody waits for.

use crate::sync::{AtomicUsize, Locked, Ordering, const_outside_models};

const EMPTY: usize = 0;
const WRITING: usize = 1;
const THERE: usize = 2;

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

    pub(crate) fn set(&self, value: T) -> bool {
        // Relaxed: winning EMPTY gives the right to write, it reads nothing.
        let first = self.state.compare_exchange(EMPTY, WRITING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            // SAFETY: of all callers one wins EMPTY, and nobody reads before THERE.
            unsafe { self.value.with(|slot| *slot = Some(value)) };
            // Release: pairs with the Acquire in `get`, which then reads the value.
            self.state.store(THERE, Ordering::Release);
        }
        first
    }

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
