//! Handles of Windows that a dispatcher's thread waits for: events and timers.
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
mod word;

#[cfg(windows)]
pub(crate) use bell::Bell;
#[cfg(windows)]
pub(crate) use handle::Waitable;
#[cfg(windows)]
pub use handle::WaitableHandle;
#[cfg(all(loom, test))]
pub(crate) use {rounds::Rounds, word::SignalNotes};
