#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    any(loom, not(feature = "alloc")),
    allow(dead_code, reason = "a model has no threads of ours, and without an allocator nothing is attached")
)]
#![cfg_attr(
    not(all(feature = "simulated", feature = "vfio", feature = "uio")),
    allow(rustdoc::broken_intra_doc_links, reason = "the documentation is written for all features")
)]
#![cfg_attr(all(feature = "simulated", feature = "vfio", feature = "uio"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "simulated", feature = "vfio", feature = "uio")),
    doc = "The framework interrupt object for Rust drivers; see README.md."
)]
//!
//! # Where things are
//!
//! A folder is a layer. From the top; imports only point down (`.ci/layers` holds this).
//!
//! | folder | holds |
//! |---|---|
//! | `guide`, `models` | pages of documentation; loom models |
//! | [`simulated`], `linux` | what asserts: a simulated device, eventfds, UIO, VFIO |
//! | `builder` | what assembles an interrupt |
//! | `dispatch` | threads that wait on sources, a worker for work items |
//! | `device` | several interrupts, their power and their callback lock |
//! | `interrupt` | the object and its handle, from an assertion to the ISR, from enable to the end |
//! | [`source`], `policy` | the trait of sources; processors and priorities |
//! | `observe` | statistics, distributions, the table, storms, events |
//! | `lock` | the lock, its guard, the raw lock |
//! | `system` | Linux's errors and files |
//! | `sync` | the facade: operating system, [bare metal](bare_metal) or loom |
//! | `name`, `claim`, `cause`, `fault`, `info`, `error` | the vocabulary |

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", loom))]
extern crate std;

#[cfg(feature = "alloc")]
mod builder;
mod cause;
mod claim;
#[cfg(feature = "alloc")]
mod device;
#[cfg(feature = "std")]
mod dispatch;
mod error;
mod fault;
#[cfg(any(doc, doctest))]
pub mod guide;
mod info;
mod interrupt;
#[cfg(all(target_os = "linux", feature = "std"))]
pub mod linux;
mod lock;
#[cfg(all(loom, test))]
mod models;
mod name;
mod observe;
#[cfg(feature = "std")]
mod policy;
#[cfg(feature = "simulated")]
pub mod simulated;
pub mod source;
mod sync;
#[cfg(all(target_os = "linux", feature = "std"))]
#[cfg_attr(
    not(all(feature = "uio", feature = "vfio")),
    allow(dead_code, unused_imports, reason = "a back-end is left out")
)]
mod system;

#[cfg(feature = "alloc")]
pub use builder::Builder;
pub use cause::{CallbackError, Errno, SourceError};
pub use claim::Claim;
#[cfg(feature = "alloc")]
pub use device::{Device, DeviceBuilder};
#[cfg(feature = "std")]
pub use dispatch::{Dispatcher, Polling};
pub use error::{Error, ErrorKind};
#[cfg(feature = "alloc")]
pub use fault::DeviceCallback;
pub use fault::{Callback, Fault};
pub use info::{Info, Polarity, ProcessorSet, Share, Trigger};
pub use interrupt::{
    Claims, Delivery, InterruptObject, Is, IsrContext, NoWorkItem, Outcome, Queued, Refusal, State, Transition,
    WithWorkItem, Work, WorkItemContext, WorkItemRegistered, WorkOutcome,
};
#[cfg(feature = "alloc")]
pub use interrupt::{Deferral, Interrupt};
#[cfg(all(target_os = "linux", feature = "std"))]
pub use lock::RawPiLock;
pub use lock::{Acquisition, InterruptLock, InterruptLockGuard, RawInterruptLock};
pub use name::Name;
#[cfg(feature = "std")]
pub use observe::{Distribution, Distributions};
pub use observe::{Stats, Table};
#[cfg(feature = "std")]
pub use policy::{Affinity, Answer, Policy, PolicyAnswer, Priority};
pub use source::Registers;
pub use sync::bare_metal;
#[cfg(feature = "std")]
pub use sync::membarrier::without_membarrier;
