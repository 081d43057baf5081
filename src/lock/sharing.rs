//! The interrupts that share a lock (rule L9).
//!
//! Whoever holds the lock serves, as it releases it, what was left for any of them. So the lock knows its interrupts:
//! it keeps each from when it is built until it has ended, also where the driver has dropped it in the meantime.

use core::ptr;

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::Mutex;

use crate::lock::raw::RawInterruptLock;
use crate::sync::{Counter, const_outside_models};

pub(super) struct Interrupts<T> {
    /// Which of them is served first. Written with the interrupt lock held.
    turn: Counter,
    /// Never held while anything else is waited for, or called.
    members: Mutex<RawInterruptLock, Vec<Arc<dyn Member<T>>>>,
}

/// An interrupt that shares the lock, and what the owner of the lock does for it.
pub(crate) trait Member<T>: Send + Sync {
    /// Serves what deliveries have left. See [`AtRelease::serve`](super::AtRelease::serve).
    fn serve_owed(&self, data: &mut T);

    /// Runs one closure, if it may; after that it may not. The answer is whether any are left.
    fn serve_deferred(&self, data: &mut T, may_run: &mut bool) -> bool;

    /// As [`AtRelease::go_on_elsewhere`](super::AtRelease::go_on_elsewhere).
    fn go_on_elsewhere(&self) -> bool;

    /// As [`AtRelease::after`](super::AtRelease::after).
    fn after(&self);
}

impl<T> Interrupts<T> {
    const_outside_models! {
        pub(super) fn none() -> Self {
            Self { turn: Counter::new(), members: Mutex::from_raw(RawInterruptLock::new(), Vec::new()) }
        }
    }

    /// An interrupt that has been built.
    pub(super) fn join(&self, member: Arc<dyn Member<T>>) {
        self.members.lock().push(member);
    }

    /// An interrupt that has ended. The caller holds the interrupt lock, so nobody goes through the members meanwhile, and
    /// has the interrupt from somebody else who keeps it: nothing is freed here.
    pub(super) fn leave(&self, member: *const ()) {
        self.members.lock().retain(|joined| !ptr::addr_eq(Arc::as_ptr(joined), member));
    }

    fn member(&self, place: usize) -> Option<Arc<dyn Member<T>>> {
        self.members.lock().get(place).cloned()
    }

    /// As [`AtRelease::serve`](super::AtRelease::serve), for all of them.
    pub(super) fn serve(&self, data: &mut T, may_run: &mut bool) -> bool {
        // With the lock held nobody leaves: each is met, and none is dropped here.
        let members = self.members.lock().len();
        for member in (0..members).filter_map(|place| self.member(place)) {
            member.serve_owed(data);
        }
        // Each is first in turn, or the closures of one could keep those of another waiting for ever.
        let first = self.turn.get() as usize;
        self.turn.add_exclusive(1);
        let mut are_left = false;
        for step in 0..members {
            if let Some(member) = self.member(first.wrapping_add(step) % members) {
                are_left |= member.serve_deferred(data, may_run);
            }
        }
        are_left
    }

    /// As [`AtRelease::go_on_elsewhere`](super::AtRelease::go_on_elsewhere): one of them is enough.
    pub(super) fn go_on_elsewhere(&self) -> bool {
        let mut place = 0;
        while let Some(member) = self.member(place) {
            if member.go_on_elsewhere() {
                return true;
            }
            place += 1;
        }
        false
    }

    /// As [`AtRelease::after`](super::AtRelease::after), for all of them.
    pub(super) fn after(&self) {
        // From the last to the first: whoever leaves meanwhile, or now, moves only those that have been met.
        let mut place = self.members.lock().len();
        while place > 0 {
            place -= 1;
            if let Some(member) = self.member(place) {
                member.after();
            }
        }
    }
}
