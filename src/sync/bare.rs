//! Bare metal: no threads, only processors and what interrupts them.

use core::sync::atomic::{AtomicUsize, Ordering, fence};

pub(crate) use crate::sync::bare_metal::{in_isr, is_in_isr, mask, this_processor as this_thread, unmask};

use crate::sync::Parked;

/// There is no clock here, so there is no deadline.
pub(crate) type Instant = core::convert::Infallible;

/// An ISR that waited for what it interrupted would wait for ever, so a delivery leaves word instead.
pub(crate) const DELIVERY_MAY_WAIT: bool = false;

/// Spins, since there is nobody to yield to.
pub(crate) struct Backoff(crossbeam_utils::Backoff);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(crossbeam_utils::Backoff::new())
    }

    pub(crate) fn snooze(&self) {
        self.0.snooze();
    }

    /// Never time to park: there is no parking.
    pub(crate) fn is_completed(&self) -> bool {
        false
    }
}

/// On bare metal sections are short, and nobody yields.
pub(crate) fn patient_backoff() -> Backoff {
    Backoff::new()
}

/// What one processor has to order against others. (An ISR on the same one is ordered as it is.)
#[inline(always)]
pub(crate) fn light_barrier() {
    fence(Ordering::SeqCst);
}

/// The same: nobody can make another processor pass a barrier.
#[inline(always)]
pub(crate) fn light_barrier_after_exchange() {
    fence(Ordering::SeqCst);
}

/// The same.
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst);
}

/// The same.
pub(crate) fn heavy_barrier_for_exchanges() {
    fence(Ordering::SeqCst);
}

/// Where nobody waits.
pub(crate) struct Parker;

impl Parker {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// One turn of a spin: what is waited for belongs to a section that another processor is running.
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

/// Runs a callback; there is no unwinding here: a panic ends the program.
pub(crate) fn catch<R>(callback: impl FnOnce() -> R) -> Result<R, crate::Name> {
    Ok(callback())
}
