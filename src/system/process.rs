//! The process: how many forks lie between it and its ancestors (rule I20).

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use rustix::io::Errno;

use crate::system::call::{Call, Failure, once};

/// The process's number: a multiple of [`STEP`], and never 0.
static NUMBER: AtomicUsize = AtomicUsize::new(STEP);

/// The number of each child that this process forks.
static CHILDS: AtomicUsize = AtomicUsize::new(STEP);

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
///
/// Threads that call it at once may each register the handlers, which may run more than once a fork. None waits for another:
/// a child that is forked meanwhile would wait for ever.
pub(crate) fn notice_forks() -> Result<(), Failure> {
    static NOTICED: AtomicBool = AtomicBool::new(false);
    // Relaxed, here and below: what it says was done in this thread, or needs no order.
    if NOTICED.load(Relaxed) {
        return Ok(());
    }
    register()?;
    NOTICED.store(true, Relaxed);
    Ok(())
}

/// Registers the handlers.
fn register() -> Result<(), Failure> {
    once(Call::AtFork, || {
        // SAFETY: the handlers may run around a fork: they load and store atomics, and do nothing else.
        match unsafe { libc::pthread_atfork(Some(forks), None, Some(forked)) } {
            0 => Ok(()),
            errno => Err(Errno::from_raw_os_error(errno)),
        }
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

/// Runs in the thread that forks, before the fork.
extern "C" fn forks() {
    // Relaxed: this thread alone goes on in the child. Other threads that fork store the same.
    CHILDS.store(number().wrapping_add(STEP).max(STEP), Relaxed);
}

/// Runs in each forked child, before `fork` returns there.
extern "C" fn forked() {
    // Relaxed: the child has one thread.
    NUMBER.store(CHILDS.load(Relaxed), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    // Caught: handlers that count a fork each.
    #[test]
    fn i20_a_fork_is_counted_once_however_often_it_is_noticed() {
        register().unwrap();
        register().unwrap();
        let expected = number() + STEP;
        // SAFETY: the child only compares a number, and never returns from here.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: it ends the child.
            unsafe { libc::_exit(i32::from(number() != expected)) };
        }
        let mut status = 0;
        // SAFETY: it fills in the status.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "the child's status");
    }
}
