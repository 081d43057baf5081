//! Threads: how they start, where they run, how urgently.
//!
//! | file | holds |
//! |---|---|
//! | this one | starting a thread, and its priority |
//! | `find` | which thread has a thread-local at an address |
//! | `futex` | whether threads can sleep; locks with priority inheritance |
//! | `membarrier` | a barrier that all threads pass |
//! | `processors` | sets of processors, and binding a thread to one |

pub(super) mod find;
pub(super) mod futex;
pub(crate) mod membarrier;
mod processors;

use core::mem::MaybeUninit;
use std::io;
use std::string::String;
use std::thread::{self, JoinHandle};

use rustix::io::Errno;
use rustix::thread::{Pid, gettid};

use crate::system::call::{Call, Failure, call, once};

pub(crate) use processors::{Processors, above_all_processors, bind, processors, processors_of_process};

/// A thread's number in the scheduler.
#[derive(Clone, Copy)]
pub(crate) struct ThreadId(Pid);

impl ThreadId {
    pub(crate) fn current() -> Self {
        Self(gettid())
    }

    /// The number, as a word that is never 0.
    pub(crate) fn raw(self) -> u32 {
        self.0.as_raw_nonzero().get().cast_unsigned()
    }
}

/// Starts a thread of that name with every signal blocked (rule I21): signals are for the program's own threads. Refuses if
/// the thread could not sleep.
pub(crate) fn start(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    futex::probe()?;
    let _blocked = AllSignalsBlocked::here()?;
    once(Call::Thread, || {
        // A new thread inherits what its creator blocks.
        let started = thread::Builder::new().name(name).spawn(run);
        started.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))
    })
}

/// Every signal is blocked on this thread as long as this lives.
struct AllSignalsBlocked {
    before: libc::sigset_t,
}

impl AllSignalsBlocked {
    fn here() -> Result<Self, Failure> {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        once(Call::SignalMask, || {
            // SAFETY: `sigfillset` fills in the set that it is given. `pthread_sigmask` reads that set and fills in the other.
            let errno = unsafe {
                libc::sigfillset(all.as_mut_ptr());
                libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr())
            };
            if errno == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(errno)) }
        })?;
        // SAFETY: `pthread_sigmask` has not failed, so it has filled in the set.
        Ok(Self { before: unsafe { before.assume_init() } })
    }
}

impl Drop for AllSignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: it reads the set, which `here` has filled in.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, core::ptr::null_mut()) };
    }
}

/// Gives a thread a real-time priority. Threads that it starts are ordinary ones.
pub(crate) fn schedule(ThreadId(thread): ThreadId, priority: i32) -> Result<(), Failure> {
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    let priority: libc::c_int = priority;
    call(Call::Priority, || {
        // The system call itself: not every C library has this for a thread.
        // SAFETY: the kernel reads one `int` where the last argument points to, and keeps nothing of it.
        let status = unsafe {
            libc::syscall(libc::SYS_sched_setscheduler, thread.as_raw_nonzero().get(), policy, &raw const priority)
        };
        match status {
            0 => Ok(()),
            _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
        }
    })
}
