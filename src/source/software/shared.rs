//! The word and the waker that a software source shares with its handles.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use crate::observe::timing::Assertions;
use crate::source::software::state::State;
use crate::sync::{AtomicUsize, Ordering};

// On one cache line: an assertion uses the word and the waker, and who serves it the word. On two it takes half as long
// again.
#[repr(align(64))]
pub(super) struct Shared {
    state: AtomicUsize,
    waker: Mutex<Option<Waker>>,
    assertions: OnceLock<Assertions>,
}

impl Shared {
    pub fn new() -> Self {
        Self { state: AtomicUsize::new(0), waker: Mutex::new(None), assertions: OnceLock::new() }
    }

    pub fn state(&self) -> State {
        // Relaxed: a snapshot; what a signal publishes is read by the transition that takes it.
        State(self.state.load(Ordering::Relaxed))
    }

    /// Makes one transition; answers the state before and after it.
    ///
    /// Whoever takes a signal sees all that its asserter did before, and who asserts may do either.
    pub fn step(&self, transition: impl Fn(State) -> State) -> (State, State) {
        // Relaxed: a first guess for the compare-exchange.
        self.step_from(State(self.state.load(Ordering::Relaxed)), transition)
    }

    fn step_from(&self, State(mut before): State, transition: impl Fn(State) -> State) -> (State, State) {
        loop {
            let after = transition(State(before));
            // AcqRel: the Release of an assertion pairs with the Acquire of the take.
            match self.state.compare_exchange(before, after.0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return (State(before), after),
                Err(now) => before = now,
            }
        }
    }

    /// Takes what is signalled; answers the state before.
    pub fn take(&self) -> State {
        // AcqRel: as in `step`. No look before it: whoever asserts had the word last, and it would come over twice.
        State(self.state.fetch_and(State::TAKEN, Ordering::AcqRel))
    }

    /// Makes one transition; answers the wake-up that it calls for.
    pub fn signal(&self, transition: impl Fn(State) -> State) -> Wakeup {
        // A guess instead of a look, as in `take`: nearly always it is right.
        let (before, after) = self.step_from(State::QUIET, transition);
        self.wake_for(before, after)
    }

    /// As `signal`, for an assertion, whose time is told where the source is timed.
    pub fn assert(&self, transition: impl Fn(State) -> State) -> Wakeup {
        self.signal(|state| {
            // Before the signal can be taken. The guess is a state that is not timed, so who is timed comes here with the
            // state that it is in.
            if state.is_timed() {
                self.assertions.get().inspect(|assertions| assertions.begin());
            }
            transition(state)
        })
    }

    /// From now on assertions are timed.
    pub fn time(&self, assertions: Assertions) {
        if self.assertions.set(assertions).is_ok() {
            self.step(State::timed);
        }
    }

    /// What has been asserted is taken.
    #[cold]
    pub fn tell_taken(&self) {
        self.assertions.get().inspect(|assertions| assertions.take());
    }

    /// What has been asserted is not to be told any more.
    #[cold]
    pub fn withdraw(&self) {
        self.assertions.get().inspect(|assertions| assertions.withdraw());
    }

    /// The wake-up that is due for a transition.
    ///
    /// Every new signal wakes, even if an earlier one has not been taken: that its wake-up is still to be acted upon
    /// can't be known here.
    pub fn wake_for(&self, before: State, after: State) -> Wakeup {
        if after != before && after.signals() { self.wakeup() } else { Wakeup::default() }
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
