#![no_std]
#![cfg_attr(feature = "std", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "std"), doc = "The framework interrupt object for Rust drivers; see README.md.")]
//!
//! # Where things are
//!
//! From the top; imports only point down.
//!
//! | layer | modules |
//! |---|---|
//! | sources | [`source`], [`simulated`], [`vfio`] |
//! | dispatcher | `dispatcher`: threads that wait on sources, a worker for work items |
//! | device | `device`: several interrupts, their power and their callback lock |
//! | object | `handle`, `builder`, `object`: the owning handle, what makes it, the interrupt itself |
//! | lock | `lock`: the data and its guard |
//! | listener | `claims`: waiting from async code |
//! | words | `raw_lock`, `state`, `work_item`, `deferred`, `ready_word`: the atomic words, with the essays that explain them; `waits`: who waits for whom |
//! | facade | `sync`: operating system, bare metal or loom |

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", loom))]
extern crate std;

pub mod bare_metal;
#[cfg(feature = "alloc")]
pub mod builder;
mod claim;
mod claims;
#[cfg(feature = "alloc")]
mod deferred;
#[cfg(feature = "alloc")]
mod device;
#[cfg(feature = "alloc")]
mod dispatch;
#[cfg(all(feature = "std", not(loom)))]
mod dispatcher;
#[cfg(feature = "std")]
mod distribution;
mod error;
mod facts;
mod fault;
#[cfg(all(any(doc, doctest), feature = "std", not(loom)))]
pub mod guide;
#[cfg(feature = "alloc")]
mod handle;
mod info;
mod lock;
#[cfg(all(feature = "std", not(loom)))]
mod membarrier;
mod name;
mod object;
#[cfg(all(target_os = "linux", feature = "std"))]
mod os;
mod outcome;
#[cfg(all(feature = "std", not(loom)))]
mod overdue;
#[cfg(all(target_os = "linux", feature = "std"))]
mod pci;
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
mod pi_lock;
#[cfg(all(feature = "std", not(loom)))]
mod placement;
#[cfg(all(feature = "std", not(loom)))]
mod policy;
#[cfg(all(feature = "std", not(loom)))]
mod polling;
mod raw_lock;
#[cfg(any(all(feature = "std", not(loom)), all(loom, test)))]
mod ready_word;
mod registers;
mod report;
#[cfg(feature = "std")]
pub mod simulated;
pub mod source;
mod state;
mod stats;
#[cfg(all(feature = "std", not(loom)))]
mod storm;
mod sync;
mod table;
#[cfg(feature = "std")]
mod timing;
#[cfg(all(target_os = "linux", feature = "std"))]
pub mod vfio;
mod waits;
mod work_item;

#[cfg(all(loom, test))]
mod models;

#[cfg(feature = "alloc")]
pub use builder::Builder;
pub use claim::Claim;
pub use claims::Claims;
#[cfg(feature = "alloc")]
pub use device::{Device, DeviceBuilder, DeviceCallback};
#[cfg(all(feature = "std", not(loom)))]
pub use dispatcher::Dispatcher;
#[cfg(feature = "std")]
pub use distribution::Distribution;
pub use error::Error;
pub use fault::{Callback, Fault};
#[cfg(feature = "alloc")]
pub use handle::Interrupt;
pub use info::{Info, Polarity, Share, Trigger};
pub use lock::{InterruptLock, InterruptLockGuard};
#[cfg(all(feature = "std", not(loom)))]
pub use membarrier::without_membarrier;
pub use name::Name;
#[cfg(feature = "alloc")]
pub use object::Deferral;
pub use object::{
    Delivery, InterruptObject, Is, IsrContext, NoWorkItem, Queued, Refusal, Transition, WithWorkItem, Work,
    WorkItemContext, WorkItemRegistered, WorkOutcome,
};
pub use outcome::{CallbackError, Outcome};
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
pub use pi_lock::RawPiLock;
#[cfg(all(feature = "std", not(loom)))]
pub use policy::{Affinity, Answer, Policy, PolicyAnswer, Priority, ProcessorSet};
#[cfg(all(feature = "std", not(loom)))]
pub use polling::Polling;
pub use raw_lock::{Acquisition, RawInterruptLock};
#[cfg(all(target_os = "linux", feature = "std"))]
pub use registers::MappedRegisters;
pub use registers::Registers;
#[cfg(all(feature = "std", not(loom)))]
pub use source::SharedLine;
#[cfg(all(target_os = "linux", feature = "std"))]
pub use source::{Eventfd, Uio};
pub use source::{Source, SourceError};
pub use state::State;
pub use stats::Stats;
pub use table::Table;
#[cfg(feature = "std")]
pub use timing::Distributions;
