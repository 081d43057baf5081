//! Handles of Windows that a dispatcher's thread waits for: events and timers. And eventfds that an io_uring reads.
//!
//! | file | holds |
//! |---|---|
//! | this one | the handle, as a source uses it |
//! | `word` | what has been noted of its signals |
//! | `rounds` | when a thread waits, and may have taken what it has not noted yet |
//! | `bell` | what ends a thread's wait |

#[cfg(windows)]
mod bell;
#[cfg(windows)]
mod handle;
mod rounds;
#[cfg(any(windows, all(loom, test)))]
mod word;

#[cfg(windows)]
pub(crate) use bell::Bell;
#[cfg(windows)]
pub(crate) use handle::Waitable;
#[cfg(windows)]
pub use handle::WaitableHandle;
#[cfg(any(target_os = "linux", all(loom, test)))]
pub(crate) use rounds::Rounds;
#[cfg(all(loom, test))]
pub(crate) use word::SignalNotes;
