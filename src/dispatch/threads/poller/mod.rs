//! How a watcher waits: with epoll, in a `read` or with an io_uring on Linux, for handles on Windows, as a parked thread
//! elsewhere.

use core::time::Duration;

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(windows)]
mod handles;
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
mod linux;
#[cfg(any(test, not(any(target_os = "linux", windows))))]
#[cfg_attr(any(target_os = "linux", windows), expect(dead_code, reason = "tested here, used elsewhere"))]
mod parked;
#[cfg(target_os = "linux")]
mod reading;
#[cfg(any(target_os = "linux", windows))]
mod refusal;
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
mod uring;
#[cfg(windows)]
mod waiter;

#[cfg(all(target_os = "linux", not(all(feature = "io-uring", target_pointer_width = "64"))))]
pub(super) use epoll::{Events, Poller};
#[cfg(windows)]
pub(super) use handles::{Events, Poller};
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "io-uring"))]
pub(super) use linux::{Events, Poller};
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) use parked::{Events, Poller};

/// What is readable or signalled, with the number of its interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The descriptor or event by which the source signals.
    #[cfg(any(unix, windows))]
    Signal(usize),
    /// The descriptor by which the source reports a removal.
    #[cfg(unix)]
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
