//! The facade: threads, waiting, atomics and barriers of an operating system, of bare metal, or of a model.
//!
//! | file | used with | threads | a thread that waits |
//! |---|---|---|---|
//! | `os` | feature `std` | the system's | sleeps in the parking lot |
//! | `bare` | neither | processors | spins until another processor's section ends |
//! | `model` | `--cfg loom` | loom's | is in a queue that loom explores |
//!
//! All three have the same items. No module outside this folder asks which of them it uses.
//!
//! | file | holds |
//! |---|---|
//! | `cell` | cells whose exclusion another word provides |
//! | `counter` | counters and moments for statistics |
//! | `origin` | the place that took a lock |
//! | `bare_metal` | what a machine without an operating system provides: its processors and its mask (rules B1, B2, L10) |
//! | `no_mask` | in place of that mask: an operating system, and a model, have none |
//! | `process` | the process that something belongs to (rule I20) |
//! | `membarrier` | a program's choice between `membarrier` and fences |

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
#[cfg(loom)]
pub use model::{PlannedPanic, take_all_part};
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use os::*;

pub mod bare_metal;
#[cfg(any(loom, feature = "std"))]
mod no_mask;
#[cfg(any(loom, feature = "std"))]
pub(crate) use no_mask::{Found, Kept, mask, unmask};
#[cfg(not(loom))]
mod cell;
#[cfg(not(loom))]
pub(crate) use cell::{Borrow, Locked, Witness};

#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) use core::sync::atomic::AtomicPtr;
#[cfg(not(any(loom, all(feature = "portable-atomic", not(target_has_atomic = "ptr")))))]
pub(crate) use core::sync::atomic::AtomicUsize;
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::Ordering;
#[cfg(all(feature = "portable-atomic", not(target_has_atomic = "ptr"), not(loom)))]
pub(crate) use portable_atomic::AtomicUsize;

mod counter;
#[cfg(feature = "std")]
pub(crate) mod membarrier;
mod origin;
mod process;

pub(crate) use counter::Counter;
#[cfg(feature = "std")]
pub(crate) use counter::{Stamp, Sum};
pub(crate) use origin::Origin;
#[cfg(feature = "alloc")]
pub(crate) use process::Process;
#[cfg(feature = "std")]
pub(crate) use process::notice_forks;
pub(crate) use process::{BITS_BELOW, is_forked, process_number};
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use process::{GENERATIONS, OfEachProcess};

/// The bits that each identity leaves clear. A word with the identity of an owner may have marks there.
pub(crate) const MARKS: usize = 0b111;

/// Returns whether `owner` holds the identity of the calling thread.
///
/// On bare metal it masks meanwhile: a task that migrated between its look at the one and at the other might take the
/// section of another task for its own (rule B2).
#[cfg_attr(any(loom, feature = "std"), inline)]
#[cfg_attr(not(any(loom, feature = "std")), inline(never))]
pub(crate) fn is_this_thread(owner: &AtomicUsize) -> bool {
    look_at_owner(owner).1
}

/// Returns the owner, and whether that is the caller: by one load, with the mask on.
#[inline]
pub(crate) fn look_at_owner(owner: &AtomicUsize) -> (usize, bool) {
    let found = mask();
    // Relaxed: exact if the caller is the owner, since it wrote the word itself.
    let owner = owner.load(Ordering::Relaxed);
    let is_mine = owner & !MARKS == this_thread();
    unmask(found);
    (owner, is_mine)
}

/// Runs a callback. If it panics, returns the panic's message. (Where every instruction counts, [`call`] is called, and its
/// panic is translated out of the way.)
#[inline]
pub(crate) fn catch<R>(callback: impl FnOnce() -> R) -> Result<R, crate::name::Name> {
    call(callback).map_err(Panicked::message)
}

/// Frees something of the driver's, by itself. Returns the message if its destructor panics.
///
/// The only place where the crate frees what is a driver's: data, closures, sources, errors, wakers. So no panic of a
/// destructor keeps another from running, and none reaches a thread or a lock of the crate.
pub(crate) fn free(theirs: impl Sized) -> Result<(), crate::name::Name> {
    catch(|| drop(theirs))
}

/// As [`free`], where nobody is left to be told of a panic.
#[cfg(feature = "alloc")]
pub(crate) fn free_silently(theirs: impl Sized) {
    let _: Result<(), crate::name::Name> = free(theirs);
}

/// Tries until `attempt` succeeds, with pauses: for a thread that holds nothing that others wait for.
///
/// Such a thread is refused only because other threads form a circle of waits. The circle ends as soon as one of them is
/// refused. Until then the pause keeps this thread out of their way.
#[cfg(feature = "std")]
pub(crate) fn insist(mut attempt: impl FnMut() -> Result<(), ()>) {
    let mut pause = core::time::Duration::from_millis(1);
    while attempt().is_err() {
        self::pause(pause);
        pause = (2 * pause).min(core::time::Duration::from_millis(100));
    }
}

/// How a wait in a [`Parker`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    /// Another thread woke this one.
    #[cfg(any(loom, feature = "std"))]
    Woken,
    /// There was nothing to wait for.
    Invalid,
    /// The deadline passed first.
    TimedOut,
}

/// Declares functions that are `const` outside models: a model can't build the facade's types in a constant.
macro_rules! const_outside_models {
    ($($(#[$attr:meta])* $vis:vis fn $name:ident($($arg:tt)*) $(-> $ret:ty)? $body:block)+) => {$(
        #[cfg(not(loom))]
        $(#[$attr])* $vis const fn $name($($arg)*) $(-> $ret)? $body
        #[cfg(loom)]
        $(#[$attr])* $vis fn $name($($arg)*) $(-> $ret)? $body
    )+};
}
pub(crate) use const_outside_models;

/// Declares a static of a model, which makes it anew for each execution.
#[cfg(loom)]
macro_rules! static_in_models {
    (static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! { static ref $name: $type = $value; }
    };
}
#[cfg(loom)]
pub(crate) use static_in_models;
