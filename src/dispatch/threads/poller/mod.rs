//! How a watcher waits: with epoll on Linux, as a parked thread elsewhere.

use core::time::Duration;

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "tested here, used elsewhere"))]
mod parked;

#[cfg(target_os = "linux")]
pub(super) use epoll::{Events, Poller};
#[cfg(not(target_os = "linux"))]
pub(super) use parked::{Events, Poller};

/// Which descriptor is readable, with the number of its interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The descriptor by which the source signals.
    Signal(usize),
    /// The descriptor by which the source reports a removal.
    Removal(usize),
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Only look.
    No,
    /// Until a descriptor is readable or another thread ends the wait.
    UntilWoken,
    /// As `UntilWoken`, but no longer than this.
    For(Duration),
}
