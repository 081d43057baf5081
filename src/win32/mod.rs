//! The door to Windows: every call of the system that the crate makes itself is made in this folder.
//!
//! | file | holds |
//! |---|---|
//! | `events` | events, timers, and waiting for them |
//! | this one | how failed calls become errors |
//! | `threads` | where threads run, and how urgently |
//!
//! (`std` and `parking_lot_core` make calls of their own, to start threads and to let them sleep.)

mod events;
pub(crate) mod threads;

use crate::cause::SourceError;
use crate::name::Name;

pub(crate) use events::{MOST_AT_ONCE, event, is_signalled, reset, set, set_timer, stop_timer, timer, wait_for_any};

/// Returns the error of the call that has just failed on this thread. `doing` says what the call did, and to what.
fn failed(doing: impl Into<Name>) -> SourceError {
    SourceError::os(doing, &std::io::Error::last_os_error())
}
