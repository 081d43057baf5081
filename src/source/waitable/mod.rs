//! What a dispatcher's thread waits for in a call that takes the signal: handles of Windows (events and timers), and an eventfd
//! of Linux in whose `read` the thread sleeps, or that an io_uring reads.
//!
//! | file | holds |
//! |---|---|
//! | `handle` | a handle of Windows, as a source uses it |
//! | `bell` | what ends a thread's wait on Windows |
//! | `counter` | an eventfd, as a source uses it |
//! | `by_thread` | an eventfd, as a dispatcher's thread uses it |
//! | `ahead` | what a thread takes of an eventfd before the source does |
//! | `sleeps` | how the count gets from the thread to the source |
//! | `rings` | what ends a thread's sleep in an eventfd |
//! | `word` | what has been noted of the signals |
//! | `rounds` | when a thread waits, and may have taken what it has not noted yet |

#[cfg(all(target_os = "linux", feature = "std"))]
mod ahead;
#[cfg(windows)]
mod bell;
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
mod by_thread;
#[cfg(all(target_os = "linux", feature = "std"))]
mod counter;
#[cfg(windows)]
mod handle;
#[cfg(not(windows))]
mod rings;
mod rounds;
#[cfg(not(windows))]
mod sleeps;
mod word;

#[cfg(windows)]
pub(crate) use bell::Bell;
#[cfg(all(target_os = "linux", feature = "std"))]
pub use counter::Counter;
#[cfg(windows)]
pub(crate) use handle::Waitable;
#[cfg(windows)]
pub use handle::WaitableHandle;
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
pub(crate) use sleeps::Slept;
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring", not(loom)))]
pub(crate) use {
    ahead::Reader,
    rounds::{Rounds, Rung},
};
#[cfg(all(loom, test))]
pub(crate) use {
    rings::RING,
    rounds::{Rounds, Rung},
    sleeps::{Sleeps, Slept},
    word::SignalNotes,
};
