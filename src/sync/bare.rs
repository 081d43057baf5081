//! Bare metal (rules B1, L10): there are no threads, only processors and the ISRs that interrupt them.

use core::sync::atomic::{Ordering, fence};

pub(crate) use crate::sync::bare_metal::{
    Found, InIsr, Kept, enter_isr, is_in_isr, leave_isr, mask, this_processor as this_thread, unmask,
};

use crate::sync::{AtomicUsize, Parked};

/// Uninhabited: there is no clock, so there are no deadlines.
pub(crate) type Instant = core::convert::Infallible;

/// A delivery must not wait: an ISR that waited for the code that it interrupted would wait for ever. So the delivery
/// is left to the owner of the lock.
pub(crate) const DELIVERY_MAY_WAIT: bool = false;

/// Processors spin while they wait.
pub(crate) const THREADS_SLEEP: bool = false;

/// Returns `false`: there are no dispatchers.
pub(crate) fn is_watcher() -> bool {
    false
}

/// Returns `None`: there are no threads.
pub(crate) fn find_thread(_: usize) -> Option<(u32, Option<crate::name::Name>)> {
    None
}

/// Spins: there is no other thread to yield to.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn snooze(&self) {
        core::hint::spin_loop();
    }

    /// Returns `false`: it is never time to sleep.
    pub(crate) fn is_completed(&self) -> bool {
        false
    }
}

/// As [`Backoff::new`]: on bare metal sections are short.
pub(crate) fn patient_backoff() -> Backoff {
    Backoff::new()
}

/// A fence, for the order against other processors. (An ISR on the same processor needs none.)
#[inline(always)]
pub(crate) fn light_barrier() {
    fence(Ordering::SeqCst);
}

/// Passes a [`light_barrier`], and loads `word` after it.
#[inline(always)]
pub(crate) fn load_after_light_barrier(word: &AtomicUsize) -> usize {
    light_barrier();
    // Relaxed: the barrier orders it.
    word.load(Ordering::Relaxed)
}

/// As [`light_barrier`]. No processor can make another pass a barrier, so each barrier is a fence.
#[inline(always)]
pub(crate) fn light_barrier_after_exchange() {
    fence(Ordering::SeqCst);
}

/// As [`light_barrier`].
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst);
}

/// As [`light_barrier`].
pub(crate) fn heavy_barrier_for_exchanges() {
    fence(Ordering::SeqCst);
}

/// The place where threads of an operating system would sleep. Processors don't: they spin.
pub(crate) struct Parker;

impl Parker {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Spins once, and returns: the section that ends the wait runs on another processor.
    pub(crate) fn park(
        &self,
        _word: &AtomicUsize,
        _token: usize,
        _validate: impl FnOnce() -> bool,
        _timed_out: impl FnOnce(bool),
        _deadline: Option<Instant>,
    ) -> Parked {
        core::hint::spin_loop();
        Parked::Invalid
    }

    pub(crate) fn wake_one(&self, _word: &AtomicUsize, woken: impl FnOnce(bool)) {
        woken(false);
    }

    pub(crate) fn wake(&self, _word: &AtomicUsize, _token: usize) {}

    pub(crate) fn wake_all(&self, _word: &AtomicUsize) {}
}

/// A panic that was caught: there is none, since nothing unwinds on bare metal. A panic ends the program.
pub(crate) enum Panicked {}

/// Runs a callback.
#[inline(always)]
pub(crate) fn call<R>(callback: impl FnOnce() -> R) -> Result<R, Panicked> {
    Ok(callback())
}

impl Panicked {
    pub(crate) fn message(self) -> crate::name::Name {
        match self {}
    }
}
