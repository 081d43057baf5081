//! How a waiter waits.

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

/// Which descriptor of which interrupt is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Signal(usize),
    Removal(usize),
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not at all: only look.
    No,
    /// Until a descriptor is readable or the bell rings.
    UntilWoken,
    /// As long as that, at most.
    For(Duration),
}
