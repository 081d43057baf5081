//! The word and the waker that a software source shares with its handles.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::state::State;

#[derive(Default)]
pub(super) struct Shared {
    state: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Shared {
    pub fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Makes one transition; answers the state before and after it.
    ///
    /// Whoever takes a signal sees all that its asserter did before, so every transition both releases and acquires.
    pub fn step(&self, transition: impl Fn(State) -> State) -> (State, State) {
        let next = |word| Some(transition(State(word)).0);
        let (Ok(before) | Err(before)) = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        (State(before), transition(State(before)))
    }

    /// Makes one transition; answers the wake-up that it calls for.
    pub fn signal(&self, transition: impl Fn(State) -> State) -> Wakeup {
        let (before, after) = self.step(transition);
        self.wake_for(before, after)
    }

    /// The wake-up that is due for a transition.
    ///
    /// Every new signal wakes, even if an earlier one has not been taken: that its wake-up is still to be acted upon
    /// can't be known here.
    pub fn wake_for(&self, before: State, after: State) -> Wakeup {
        if after != before && after.signals() {
            self.wakeup()
        } else {
            Wakeup::default()
        }
    }

    pub fn wakeup(&self) -> Wakeup {
        Wakeup(self.waker().clone())
    }

    pub fn set_waker(&self, waker: Option<Waker>) {
        // The old one is dropped outside the lock: dropping it may run anything.
        let old = mem::replace(&mut *self.waker(), waker);
        drop(old);
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

/// A wake-up that is due, to be made when the caller's own locks have been released: a waker may run anything.
#[derive(Default)]
#[must_use = "a signal that nobody is woken for is lost"]
pub(crate) struct Wakeup(Option<Waker>);

impl Wakeup {
    pub fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}
