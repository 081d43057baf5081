//! One interrupt: its object and its handle, from an assertion to the ISR, from enable to the end.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `object` | the object itself: its fields, its constructors, what it tells of itself | P3, S1 |
//! | `handle` | the owning handle | E6 |
//! | `data_lock` | the lock with the interrupt data, its own or shared | L1 to L11 |
//! | `callbacks` | what the driver registered, and how it is called | |
//! | `context` | what the ISR and the work item are given | I1, W4 |
//! | `outcome` | what callbacks may return | |
//! | `delivery` | from an assertion to the ISR's claim | I1 to I7, I10 |
//! | `transition` | enable, disable, inactive, fault, removal, power, the end | E1 to E9, I12, I13 |
//! | `work_item` | the work item and its word | W1 to W8 |
//! | `deferred` | closures that never wait for the lock | L12 |
//! | `claims` | waiting for claims from async code | A1 to A4 |
//! | `state` | the state word | |
//! | `dispatch` | what an interrupt and its dispatcher ask of each other | I16 |
//! | `own_loop` | descriptors for a driver that waits by itself | |
//! | `layout` | the cache lines of all this | |

pub(crate) mod attached;
mod callbacks;
pub(crate) mod claims;
mod context;
mod data_lock;
pub(crate) mod deferred;
mod delivery;
pub(crate) mod dispatch;
mod facts;
#[cfg(feature = "alloc")]
mod handle;
#[cfg(all(feature = "std", target_pointer_width = "64", not(loom)))]
mod layout;
mod object;
mod outcome;
#[cfg(all(unix, feature = "std"))]
mod own_loop;
pub(crate) mod parent;
pub(crate) mod state;
mod transition;
pub(crate) mod work_item;

#[cfg(feature = "alloc")]
pub(crate) use callbacks::{Isr, OnChange};
pub(crate) use callbacks::{Registered, WorkFn};
pub use claims::Claims;
pub use context::{IsrContext, WorkItemContext};
#[cfg(feature = "alloc")]
pub(crate) use data_lock::DataLock;
#[cfg(feature = "alloc")]
pub use deferred::Deferral;
pub use delivery::Delivery;
#[cfg(feature = "alloc")]
pub use handle::Interrupt;
pub use object::InterruptObject;
pub use outcome::Outcome;
pub use state::State;
pub use transition::Transition;
pub use work_item::{Is, NoWorkItem, Queued, Refusal, WithWorkItem, Work, WorkItemRegistered, WorkOutcome};
