//! Sources of Windows.
//!
//! | item | for |
//! |---|---|
//! | [`Event`] | an event as a source |
//! | [`Timer`] | a waitable timer as a source |
//!
//! A dispatcher's own thread waits for them. It has room for 63; for each further 63 the dispatcher has one thread more.
//!
//! # In a loop of your own
//!
//! A wait for an auto-reset event takes its signal. So a loop that waits by itself has to tell the source of each such wait:
//! [`WaitableHandle::note`](crate::source::WaitableHandle::note). Two things are the loop's to see to:
//!
//! - A disable between the wait and the note misses that signal: it is counted as stale later. So let the thread of the loop
//!   disable, or disable between two waits.
//! - A manual-reset event ends each wait while it is signalled, also while the interrupt is disabled, inactive or kept masked.
//!   So leave it out of the wait then.

mod event;
mod timer;

use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::name::Name;

pub use event::{Event, EventSignaller};
pub use timer::{Timer, TimerHandle};

/// Says what could not be opened. For `map_err`.
fn opening(name: Name) -> impl FnOnce(SourceError) -> Error {
    move |source| Error::new(name, ErrorKind::Open(source))
}

/// Says which source the system has refused something. For `map_err`.
fn refused(name: Name) -> impl FnOnce(SourceError) -> Error {
    move |source| Error::new(name, ErrorKind::Source(source))
}
