//! The process: how many forks lie between it and its ancestors (rule I20).

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::OnceLock;

use rustix::io::Errno;

use crate::system::call::{Call, Failure, once};

/// The process's number: a multiple of [`STEP`], and never 0.
static NUMBER: AtomicUsize = AtomicUsize::new(STEP);

/// A process's number leaves this many bits below it free.
pub(crate) const BITS_BELOW: u32 = 16;
const STEP: usize = 1 << BITS_BELOW;

/// Returns a number that differs from those of the process's ancestors, as long as [`notice_forks`] has been called in one
/// of them.
#[inline(always)]
pub(crate) fn number() -> usize {
    // Relaxed: only `forked` writes it, in a process that has one thread.
    NUMBER.load(Relaxed)
}

/// Whether this process was forked from one that has called [`notice_forks`].
#[inline(always)]
pub(crate) fn is_forked() -> bool {
    number() != STEP
}

/// Gives each forked child a number of its own from now on.
pub(crate) fn notice_forks() -> Result<(), Failure> {
    static NOTICED: OnceLock<Result<(), Failure>> = OnceLock::new();
    *NOTICED.get_or_init(|| {
        once(Call::AtFork, || {
            // SAFETY: `forked` may run in a forked child: it stores to an atomic, and does nothing else.
            match unsafe { libc::pthread_atfork(None, None, Some(forked)) } {
                0 => Ok(()),
                errno => Err(Errno::from_raw_os_error(errno)),
            }
        })
    })
}

/// Whether a thread that was in this process, or in the one from which it was forked, is in this one.
pub(crate) fn is_in_this_process(thread: u32) -> bool {
    if !is_forked() {
        return true;
    }
    // SAFETY: signal 0 is never sent. The kernel only looks for the thread.
    let found = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) };
    found == 0
}

/// Runs in each forked child, before `fork` returns there.
extern "C" fn forked() {
    // Relaxed: the child has one thread.
    NUMBER.store(number().wrapping_add(STEP).max(STEP), Relaxed);
}
