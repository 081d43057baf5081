//! The facade: the only module that knows whether the crate runs on an operating system, on bare metal or in a model.
//!
//! | file | under | threads | waiting |
//! |---|---|---|---|
//! | `os` | feature `std` | the system's | parked in the parking lot |
//! | `bare` | neither | processors | a spin on another processor's section |
//! | `model` | `--cfg loom` | loom's | a queue that loom explores |
//!
//! All three have the same items; nothing outside this folder asks which of them it got.

#[cfg(not(any(loom, feature = "std")))]
mod bare;
#[cfg(loom)]
mod model;
#[cfg(all(feature = "std", not(loom)))]
mod os;

#[cfg(not(any(loom, feature = "std")))]
pub(crate) use bare::*;
#[cfg(loom)]
pub(crate) use model::*;
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use os::*;

pub mod bare_metal;
#[cfg(not(loom))]
mod cell;
#[cfg(not(loom))]
pub(crate) use cell::{Borrow, Locked, Witness};

#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) use core::sync::atomic::AtomicPtr;
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicUsize, Ordering};

mod counter;
#[cfg(feature = "std")]
pub(crate) mod membarrier;
mod origin;

pub(crate) use counter::Counter;
#[cfg(feature = "std")]
pub(crate) use counter::Stamp;
pub(crate) use origin::Origin;

/// How a wait in the parking lot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    /// Somebody woke this thread.
    #[cfg(any(loom, feature = "std"))]
    Woken,
    /// There was nothing to wait for.
    Invalid,
    /// The deadline passed first.
    TimedOut,
}

/// Declares a function that is `const` wherever the facade's types can be built in constants: everywhere but in models.
macro_rules! const_outside_models {
    ($($(#[$attr:meta])* $vis:vis fn $name:ident($($arg:tt)*) $(-> $ret:ty)? $body:block)+) => {$(
        #[cfg(not(loom))]
        $(#[$attr])* $vis const fn $name($($arg)*) $(-> $ret)? $body
        #[cfg(loom)]
        $(#[$attr])* $vis fn $name($($arg)*) $(-> $ret)? $body
    )+};
}
pub(crate) use const_outside_models;
