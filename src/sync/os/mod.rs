//! Threads of an operating system, which wait in the parking lot.

mod barrier;

use core::cell::Cell;
use core::sync::atomic::AtomicUsize;
pub(crate) use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;
use parking_lot_core::{
    DEFAULT_UNPARK_TOKEN, FilterOp, ParkResult, ParkToken, park, unpark_all, unpark_filter, unpark_one,
};

use crate::sync::Parked;
pub(crate) use barrier::{
    heavy_barrier, heavy_barrier_for_exchanges, light_barrier, light_barrier_after_exchange, without_membarrier,
};

/// What the crate keeps for each thread. Its address is the thread's identity, so its alignment leaves three bits free.
#[repr(align(8))]
struct Thread {
    in_isr: Cell<bool>,
}

std::thread_local! {
    // Without a destructor it is there until the thread's very end, so guards in thread-local destructors work too.
    static THREAD: Thread = const { Thread { in_isr: Cell::new(false) } };
}

/// The identity of this thread: never zero, the low three bits clear, its own for as long as the thread lives.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    THREAD.with(|thread| core::ptr::from_ref(thread).addr())
}

/// Says that this thread enters an ISR, or leaves one. The ISR does not unwind.
#[inline]
pub(crate) fn in_isr<R>(isr: impl FnOnce() -> R) -> R {
    // Another interrupt's, which calls this one.
    let outer = THREAD.with(|thread| thread.in_isr.replace(true));
    let result = isr();
    THREAD.with(|thread| thread.in_isr.set(outer));
    result
}

/// Whether this thread is inside an ISR.
pub(crate) fn is_in_isr() -> bool {
    THREAD.with(|thread| thread.in_isr.get())
}

/// Whether a delivery may wait for a lock that another thread holds.
pub(crate) const DELIVERY_MAY_WAIT: bool = true;

/// Nothing here preempts the holder of a lock.
#[inline(always)]
pub(crate) fn mask() {}

/// Nothing here preempts the holder of a lock.
#[inline(always)]
pub(crate) fn unmask() {}

/// A backoff whose first look comes late, for who would rather leave the owner's cache line alone: an owner that is asked
/// all the time is slowed down, and what it does next is often another section.
pub(crate) fn patient_backoff() -> Backoff {
    let backoff = Backoff::new();
    for _ in 0..4 {
        backoff.spin();
    }
    backoff
}

/// Where threads wait, by the address of what they wait for.
pub(crate) struct Parker;

impl Parker {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Waits until woken, if `validate` still says so; `timed_out(last)` runs if the deadline passed first. Both run
    /// with the queue locked, so no wake-up comes between `validate` and the sleep. `token` tells waiters apart.
    pub(crate) fn park(
        &self,
        word: &AtomicUsize,
        token: usize,
        validate: impl FnOnce() -> bool,
        timed_out: impl FnOnce(bool),
        deadline: Option<Instant>,
    ) -> Parked {
        let recheck = barrier::recheck();
        let until = match (deadline, recheck) {
            (Some(deadline), Some(recheck)) => Some(deadline.min(recheck)),
            (deadline, recheck) => deadline.or(recheck),
        };
        // SAFETY: the key is the address of a word of ours, which nobody else parks on; the callbacks only touch
        // atomics: they don't panic and don't call into the parking lot.
        let result = unsafe {
            park(core::ptr::from_ref(word).addr(), validate, || {}, |_, last| timed_out(last), ParkToken(token), until)
        };
        match result {
            ParkResult::Unparked(_) => Parked::Woken,
            ParkResult::Invalid => Parked::Invalid,
            ParkResult::TimedOut if until == deadline => Parked::TimedOut,
            ParkResult::TimedOut => Parked::Woken,
        }
    }

    /// Wakes the longest waiter; `woken(more)` runs with the queue locked and is told whether others stay.
    pub(crate) fn wake_one(&self, word: &AtomicUsize, woken: impl FnOnce(bool)) {
        // SAFETY: as in `park`: a key of ours, and a callback that only touches atomics.
        unsafe {
            unpark_one(core::ptr::from_ref(word).addr(), |result| {
                woken(result.have_more_threads);
                DEFAULT_UNPARK_TOKEN
            });
        }
    }

    /// Wakes the waiter that parked with `token`, if there is one.
    pub(crate) fn wake(&self, word: &AtomicUsize, token: usize) {
        let filter = |ParkToken(theirs)| if theirs == token { FilterOp::Unpark } else { FilterOp::Skip };
        // SAFETY: as in `park`: a key of ours, and callbacks that touch nothing.
        unsafe {
            unpark_filter(core::ptr::from_ref(word).addr(), filter, |_| DEFAULT_UNPARK_TOKEN);
        }
    }

    /// Wakes every waiter.
    pub(crate) fn wake_all(&self, word: &AtomicUsize) {
        // SAFETY: as in `park`: a key of ours.
        unsafe {
            unpark_all(core::ptr::from_ref(word).addr(), DEFAULT_UNPARK_TOKEN);
        }
    }
}

/// Drops what is the driver's and may panic then, where nobody is to be told: what a panic carried, the data of an
/// interrupt that ends on a thread which others need.
pub(crate) fn drop_caught<T>(theirs: T) {
    if let Err(again) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(theirs))) {
        core::mem::forget(again);
    }
}

type Payload = alloc::boxed::Box<dyn core::any::Any + Send>;

/// Runs a callback; if it panics, what it said.
#[inline]
pub(crate) fn catch<R>(callback: impl FnOnce() -> R) -> Result<R, crate::Name> {
    // Unwind safety: what a panicking callback leaves half done is the driver's data, and the fault tells the driver.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(callback)) {
        Ok(result) => Ok(result),
        Err(payload) => Err(said(payload)),
    }
}

#[cold]
fn said(payload: Payload) -> crate::Name {
    if let Some(said) = payload.downcast_ref::<&'static str>() {
        return crate::Name::new(said);
    }
    match payload.downcast::<std::string::String>() {
        Ok(said) => crate::Name::from(*said),
        Err(payload) => {
            drop_caught(payload);
            crate::Name::new("(something that is not text)")
        }
    }
}
