//! What a driver's own loop waits on (rule I22).
//!
//! | file | holds |
//! |---|---|
//! | `descriptors` | the two descriptors that a driver asks for |
//! | `epoll` | what is behind them on Linux: it is quiet while there is nothing to serve |
//! | `duplicate` | stands in for `epoll` elsewhere: the source's own descriptors |

#[cfg(all(unix, feature = "std"))]
mod descriptors;
#[cfg(not(all(target_os = "linux", feature = "std")))]
mod duplicate;
#[cfg(all(target_os = "linux", feature = "std"))]
mod epoll;

#[cfg(not(all(target_os = "linux", feature = "std")))]
pub(super) use duplicate::OwnLoop;
#[cfg(all(target_os = "linux", feature = "std"))]
pub(super) use epoll::OwnLoop;
