//! How a waiter waits.

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "tested here, used elsewhere"))]
mod parked;

#[cfg(target_os = "linux")]
pub(super) use epoll::Poller;
#[cfg(not(target_os = "linux"))]
pub(super) use parked::Poller;

/// Which descriptor of which interrupt is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Signal(u64),
    Removal(u64),
}
