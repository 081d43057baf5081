//! Where threads sleep: the parking lot of `parking_lot_core`.
//!
//! All threads of a process are in one table there. A forked child inherits it as it is at that moment: a thread that the
//! child does not have may hold one of its locks for ever. So no thread of a child enters it (rule I20).

use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::time::Instant;

use parking_lot_core::{
    DEFAULT_UNPARK_TOKEN, FilterOp, ParkResult, ParkToken, park, unpark_all, unpark_filter, unpark_one,
};

use crate::sync::Parked;
use crate::sync::os::{barrier, pause};
use crate::sync::process::is_forked;

/// How long a thread of a forked child sleeps before it looks again: nobody can wake it.
const PAUSE_IN_A_CHILD: Duration = Duration::from_millis(1);

/// A queue of threads that sleep until they are woken. The parking lot finds it by the address of a word of the lock.
pub(crate) struct Parker;

impl Parker {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Sleeps until woken or until `deadline`, if `validate` returns `true`.
    ///
    /// If the deadline passes first, runs `timed_out`, with whether this thread was the last in the queue. Both
    /// closures run with the queue locked, so no wake-up comes between `validate` and the sleep. [`wake`](Self::wake)
    /// finds the thread by `token`.
    pub(crate) fn park(
        &self,
        word: &AtomicUsize,
        token: usize,
        validate: impl FnOnce() -> bool,
        timed_out: impl FnOnce(bool),
        deadline: Option<Instant>,
    ) -> Parked {
        if is_forked() {
            return sleep_in_a_child(validate, timed_out, deadline);
        }
        let recheck = barrier::recheck();
        let until = match (deadline, recheck) {
            (Some(deadline), Some(recheck)) => Some(deadline.min(recheck)),
            (deadline, recheck) => deadline.or(recheck),
        };
        // SAFETY: the key is the address of a word of the crate's own, on which no other code parks. The callbacks only
        // touch atomics: they don't panic and don't call into the parking lot.
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

    /// Wakes the thread that has waited longest, if there is one. Runs `woken` with the queue locked, and tells it
    /// whether other threads stay in the queue.
    pub(crate) fn wake_one(&self, word: &AtomicUsize, woken: impl FnOnce(bool)) {
        if is_forked() {
            return woken(false);
        }
        // SAFETY: as in `park`: a key of the crate's own, and a callback that only touches atomics.
        unsafe {
            unpark_one(core::ptr::from_ref(word).addr(), |result| {
                woken(result.have_more_threads);
                DEFAULT_UNPARK_TOKEN
            });
        }
    }

    /// Wakes the thread that parked with `token`, if there is one.
    pub(crate) fn wake(&self, word: &AtomicUsize, token: usize) {
        if is_forked() {
            return;
        }
        let filter = |ParkToken(theirs)| if theirs == token { FilterOp::Unpark } else { FilterOp::Skip };
        // SAFETY: as in `park`: a key of the crate's own, and callbacks that touch nothing.
        unsafe {
            unpark_filter(core::ptr::from_ref(word).addr(), filter, |_| DEFAULT_UNPARK_TOKEN);
        }
    }

    /// Wakes all threads in the queue.
    pub(crate) fn wake_all(&self, word: &AtomicUsize) {
        if is_forked() {
            return;
        }
        // SAFETY: as in `park`: a key of the crate's own.
        unsafe {
            unpark_all(core::ptr::from_ref(word).addr(), DEFAULT_UNPARK_TOKEN);
        }
    }
}

/// As [`Parker::park`], in a forked child: sleeps by the clock. Each caller looks again after it, so none needs a wake-up.
#[cold]
fn sleep_in_a_child(
    validate: impl FnOnce() -> bool,
    timed_out: impl FnOnce(bool),
    deadline: Option<Instant>,
) -> Parked {
    if !validate() {
        return Parked::Invalid;
    }
    let time = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    if time == Some(Duration::ZERO) {
        timed_out(false);
        return Parked::TimedOut;
    }
    pause(time.map_or(PAUSE_IN_A_CHILD, |time| time.min(PAUSE_IN_A_CHILD)));
    Parked::Woken
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    // Caught: a thread of a child that enters the parking lot, to sleep or to wake: it waits there for ever.
    #[test]
    fn i20_a_child_needs_no_lock_that_another_thread_held_at_the_fork() {
        crate::sync::notice_forks().unwrap();
        let (word, parker) = (AtomicUsize::new(0), Parker::new());
        let (inside, forked) = (Barrier::new(2), Barrier::new(2));
        let hold_a_lock = || {
            inside.wait();
            forked.wait();
            false
        };
        thread::scope(|scope| {
            scope.spawn(|| parker.park(&word, 0, hold_a_lock, |_| (), None));
            inside.wait();
            // SAFETY: the child has this one thread, which frees nothing, and never returns from here.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: it only sets a clock.
                unsafe { libc::alarm(20) };
                let park = |deadline| parker.park(&word, 0, || true, |_| (), deadline);
                let mut others = None;
                let kept = park(None) == Parked::Woken && park(Some(Instant::now())) == Parked::TimedOut;
                parker.wake_one(&word, |more| others = Some(more));
                parker.wake(&word, 0);
                parker.wake_all(&word);
                // SAFETY: it ends the child.
                unsafe { libc::_exit(i32::from(!kept || others != Some(false))) };
            }
            forked.wait();
            let mut status = 0;
            // SAFETY: it fills in the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child's status");
        });
    }
}
