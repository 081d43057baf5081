//! Futexes: whether threads can sleep, and the kernel's locks with priority inheritance.

use std::sync::atomic::AtomicU32;

use rustix::io::Errno;
use rustix::thread::futex;

use crate::system::call::{Call, Failure, call, once};

pub(crate) use rustix::thread::futex::OWNER_DIED;
/// The bits of the word that are its owner's number.
pub(crate) const OWNER: u32 = libc::FUTEX_TID_MASK;

/// Finds out whether the system lets threads wake each other. (They sleep by `std` and `parking_lot_core`, which spin or panic
/// if it does not.)
pub(super) fn probe() -> Result<(), Failure> {
    call(Call::Futex, || futex::wake(&AtomicU32::new(0), futex::Flags::PRIVATE, 1)).map(drop)
}

/// What the kernel answers to a thread that waits for a lock.
#[derive(Debug)]
pub(crate) enum Waited {
    /// It is the caller's now.
    Yours,
    /// It was the caller's already.
    WasYours,
    /// Try again: its owner is about to end, or a signal has interrupted the wait.
    Again,
    /// Its owner has ended.
    OwnerEnded,
}

/// Waits for the lock in `word`, which holds its owner's number.
pub(crate) fn lock_pi(word: &AtomicU32) -> Result<Waited, Failure> {
    match once(Call::Futex, || futex::lock_pi(word, futex::Flags::PRIVATE, None)) {
        Ok(()) => Ok(Waited::Yours),
        Err(failure) => match failure.errno {
            Errno::DEADLK => Ok(Waited::WasYours),
            Errno::AGAIN | Errno::INTR => Ok(Waited::Again),
            Errno::SRCH => Ok(Waited::OwnerEnded),
            _ => Err(failure),
        },
    }
}

/// Gives the caller's lock to the thread with the highest priority that waits for it.
pub(crate) fn unlock_pi(word: &AtomicU32) -> Result<(), Failure> {
    call(Call::Futex, || futex::unlock_pi(word, futex::Flags::PRIVATE))
}
