//! The terminal's and the shell's signals, read from a descriptor: no handler runs at an unexpected moment.

use std::ffi::c_int;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

use super::events::Event;
use crate::Failure;

/// Each signal that is read, and what it means. Where several wait, the one of the lowest number is read first: the end
/// comes before the way back to the screen.
const MEANINGS: [(c_int, Event); 7] = [
    (libc::SIGHUP, Event::Quit),
    (libc::SIGINT, Event::Quit),
    (libc::SIGQUIT, Event::Quit),
    (libc::SIGTERM, Event::Quit),
    (libc::SIGCONT, Event::Continued),
    (libc::SIGTSTP, Event::Suspend),
    (libc::SIGWINCH, Event::Resized),
];

/// Reads signals in place of what they would do.
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks the signals in this thread and those that it starts.
    pub fn new() -> Result<Self, Failure> {
        let signals = set(MEANINGS.map(|(signal, _)| signal));
        mask(libc::SIG_BLOCK, &signals)?;
        // SAFETY: the set is valid, and a new descriptor is asked for.
        let fd = unsafe { libc::signalfd(-1, &raw const signals, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(Failure::of_the_run(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor has just been made, and has no other owner.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal's meaning, if one has come.
    pub fn next(&self) -> Result<Option<Event>, Failure> {
        let mut bytes = [0; mem::size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.0, &mut bytes) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(Failure::of_the_run(error)),
            Ok(_) => {
                // The record begins with the signal's number.
                let signal = bytes.first_chunk().map_or(0, |number| c_int::from_ne_bytes(*number));
                Ok(MEANINGS.into_iter().find(|(number, _)| *number == signal).map(|(_, event)| event))
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Stops the process, as ctrl-z does with any other, and returns when it is to run again. Then SIGCONT can be read.
pub fn stop_this_process() -> Result<(), Failure> {
    let stop = set([libc::SIGTSTP]);
    // SAFETY: it has no conditions. The signal is blocked, so it waits.
    unsafe { libc::raise(libc::SIGTSTP) };
    mask(libc::SIG_UNBLOCK, &stop)?; // here it stops
    mask(libc::SIG_BLOCK, &stop)?;
    // Where no shell could continue it, the kernel has not stopped it; so that SIGCONT can be read then, too.
    kill_process(getpid(), Signal::CONT).map_err(Failure::of_the_run)
}

fn set<const N: usize>(signals: [c_int; N]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises what it is given; the numbers are signals.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        signals.iter().for_each(|signal| _ = libc::sigaddset(set.as_mut_ptr(), *signal));
        set.assume_init()
    }
}

fn mask(how: c_int, signals: &libc::sigset_t) -> Result<(), Failure> {
    // SAFETY: the set is valid, and the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(how, signals, ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(Failure::of_the_run(io::Error::from_raw_os_error(error))),
    }
}
