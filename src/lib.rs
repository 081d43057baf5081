#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    any(loom, not(feature = "alloc")),
    allow(dead_code, reason = "a model has no threads of the crate, and without an allocator nothing is attached")
)]
#![cfg_attr(
    not(all(
        target_os = "linux",
        feature = "simulated",
        feature = "vfio",
        feature = "uio",
        feature = "gpio",
        feature = "io-uring"
    )),
    allow(rustdoc::broken_intra_doc_links, reason = "the documentation is written for Linux and all features")
)]
#![cfg_attr(all(feature = "simulated", feature = "vfio", feature = "uio"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "simulated", feature = "vfio", feature = "uio")),
    doc = "The framework interrupt object for Rust drivers; see README.md."
)]
//!
//! # Where things are
//!
//! The API, by what you do:
//!
//! | to | use |
//! |---|---|
//! | build an interrupt | [`Interrupt::builder`], [`Builder`], [`Claim`] |
#![cfg_attr(
    all(target_os = "linux", feature = "std"),
    doc = "| connect it to hardware | [`linux`]: UIO, VFIO, GPIO, timers, eventfds |"
)]
#![cfg_attr(all(windows, feature = "std"), doc = "| connect it to Windows | [`windows`]: events, timers |")]
//! | try it without hardware | [`simulated`] |
//! | write a source of your own | [`source::Source`] |
#![cfg_attr(all(feature = "std", not(loom)), doc = "| test a source of your own | [`test_kit`] (feature `test-kit`) |")]
//! | choose threads and processors | [`Dispatcher`], [`Polling`], [`Policy`] |
//! | handle several interrupts of one device | [`Device`], [`InterruptLock`] |
//! | wait for claims | [`Claims`] |
//! | see what happens | [`Stats`], [`Snapshot`], [`Table`], [`Fault`], [`Error`] |
//! | let others see it | [`Export`] |
//! | run on a microcontroller | [`single_core`]; on several cores [`InterruptObject`], [`bare_metal`] |
//!
//! The code: each folder of `src` is a layer, and may use only the layers below it. `CONTRIBUTING.md` lists them.

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", loom))]
extern crate std;

mod answer;
#[cfg(feature = "alloc")]
mod builder;
mod cause;
mod circle;
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
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
mod interrupt;
#[cfg(all(target_os = "linux", feature = "std"))]
pub mod linux;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
mod lock;
#[cfg(all(loom, test))]
mod models;
mod name;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
mod observe;
#[cfg(feature = "std")]
mod policy;
#[cfg(feature = "simulated")]
pub mod simulated;
pub mod single_core;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
pub mod source;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
mod sync;
#[cfg(all(target_os = "linux", feature = "std"))]
#[cfg_attr(
    any(loom, not(all(feature = "uio", feature = "vfio", target_pointer_width = "64"))),
    allow(dead_code, unused_imports, reason = "a back-end is left out, or a model has no system")
)]
mod system;
// In every documentation, because the guide links to it. (Its examples need the feature.)
#[cfg(all(any(feature = "test-kit", all(doc, not(doctest), feature = "std")), not(loom)))]
pub mod test_kit;
#[cfg(all(windows, feature = "std"))]
mod win32;
#[cfg(all(windows, feature = "std"))]
pub mod windows;

pub use answer::{
    Delivery, Is, NoWorkItem, Queued, Refusal, State, Transition, WithWorkItem, Work, WorkItemRegistered, WorkOutcome,
};
#[cfg(feature = "alloc")]
#[doc(alias("WUDF_INTERRUPT_CONFIG", "WDF_INTERRUPT_CONFIG"))]
pub use builder::Builder;
#[doc(hidden)]
pub use cause::Errno;
pub use cause::{CallbackError, SourceError};
pub use circle::Circle;
pub use claim::Claim;
#[cfg(feature = "alloc")]
#[doc(alias("IWDFDevice", "WDFDEVICE"))]
pub use device::Device;
#[cfg(feature = "alloc")]
pub use device::{D0Entry, DeviceBuilder, Powered};
#[cfg(feature = "std")]
pub use dispatch::{Dispatcher, Polling};
pub use error::{Error, ErrorKind};
#[cfg(feature = "alloc")]
pub use fault::DeviceCallback;
pub use fault::{Callback, Fault, Overdue};
#[doc(alias = "WDF_INTERRUPT_INFO_INIT")]
#[doc(alias = "WDF_INTERRUPT_INFO")]
pub use info::Info;
#[doc(alias = "WDF_INTERRUPT_POLARITY")]
pub use info::Polarity;
#[doc(alias("TargetProcessorSetAndGroup", "GROUP_AFFINITY", "KAFFINITY"))]
pub use info::ProcessorSet;
#[doc(alias = "CM_SHARE_DISPOSITION")]
pub use info::Share;
#[doc(alias = "KINTERRUPT_MODE")]
pub use info::Trigger;
#[cfg(feature = "alloc")]
pub use interrupt::Deferral;
#[cfg(feature = "alloc")]
#[doc(alias("IWDFInterrupt", "WDFINTERRUPT", "DeleteWdfObject"))]
pub use interrupt::Interrupt;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
pub use interrupt::{
    Claims, InterruptObject, IsrContext, OsThread, Outcome, Owner, Running, Snapshot, WorkItemContext,
};
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
#[doc(alias("WDFSPINLOCK", "WdfSpinLockCreate", "WDFWAITLOCK", "WdfWaitLockCreate"))]
pub use lock::InterruptLock;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
#[doc(alias("ReleaseInterruptLock", "WdfInterruptReleaseLock"))]
pub use lock::InterruptLockGuard;
#[cfg(all(target_os = "linux", feature = "std"))]
pub use lock::RawPiLock;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
pub use lock::{Acquisition, RawInterruptLock};
pub use name::Name;
#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
pub use observe::Publisher;
#[cfg(feature = "std")]
pub use observe::{Distribution, Distributions, Export, Observed};
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
pub use observe::{Stats, Table};
#[cfg(feature = "std")]
#[doc(alias = "WDF_INTERRUPT_POLICY")]
pub use policy::Affinity;
#[cfg(feature = "std")]
#[doc(alias = "WDF_INTERRUPT_EXTENDED_POLICY")]
pub use policy::Policy;
#[cfg(feature = "std")]
#[doc(alias = "WDF_INTERRUPT_PRIORITY")]
pub use policy::Priority;
#[cfg(feature = "std")]
pub use policy::{Answer, PolicyAnswer};
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
#[doc(alias("MapIoSpace", "WdfDeviceMapIoSpace", "UnmapIoSpace", "WdfDeviceUnmapIoSpace"))]
pub use source::registers::Registers;
#[cfg(any(target_has_atomic = "ptr", feature = "portable-atomic"))]
pub use sync::bare_metal;
#[cfg(feature = "std")]
pub use sync::membarrier::without_membarrier;
#[cfg(loom)]
#[doc(hidden)]
pub use sync::{PlannedPanic, take_all_part};
#[cfg(refused_calls)]
#[doc(hidden)]
pub use system::refuse;
