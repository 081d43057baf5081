//! Waiting for progress, with what the crate's test kit waits with.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};

pub use interrupt_lock::test_kit::progress::{LOOK, Standstill, comes, moved, pause, wait};

/// One of the many steps of a long test. Pauses at some of them.
pub fn step() {
    static STEPS: AtomicU64 = AtomicU64::new(0);
    moved();
    if STEPS.fetch_add(1, Relaxed).is_multiple_of(16) {
        pause();
    }
}

/// As [`comes`], and fails the test if it does not come.
#[track_caller]
pub fn until(so: impl FnMut() -> bool) {
    assert!(comes(so), "waited in vain: nothing moves");
}

/// Waits for the next that is sent.
#[track_caller]
pub fn receive<T>(receiver: &Receiver<T>) -> T {
    let received = next(receiver);
    received.unwrap_or_else(|why| panic!("waited in vain for what is sent: {why}"))
}

/// Waits for the only one that is sent, and longer than each wait inside, so that those tell what they have waited for.
pub(crate) fn next_outside<T>(receiver: &Receiver<T>) -> Result<T, RecvTimeoutError> {
    match next(receiver) {
        Err(RecvTimeoutError::Timeout) => next(receiver),
        received => received,
    }
}

fn next<T>(receiver: &Receiver<T>) -> Result<T, RecvTimeoutError> {
    let mut standstill = Standstill::from_now();
    loop {
        match receiver.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if !standstill.is_too_long() => {}
            received => {
                moved();
                return received;
            }
        }
    }
}
