//! Dispatchers: threads that wait on sources and serve their interrupts. Each has a worker for what may take long.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `threads` | the dispatcher: a thread that waits on sources, and its worker | I14, I16 |
//! | `in_models` | stands in for `threads` in a loom model | |
//! | `ready_word` | which interrupts need a thread; raising one allocates nothing | |
//! | `polling` | the policy that says how long a dispatcher polls before it sleeps | |
//!
//! What is asked of the system for a dispatcher's thread (rules P1, P2) is in `policy`.

#[cfg(loom)]
mod in_models;
mod polling;
pub(crate) mod ready_word;
#[cfg(not(loom))]
mod threads;

#[cfg(loom)]
pub use in_models::Dispatcher;
#[cfg(loom)]
pub(crate) use in_models::{Service, SharedWorker};
pub use polling::Polling;
#[cfg(not(loom))]
pub use threads::Dispatcher;
#[cfg(not(loom))]
pub(crate) use threads::{Service, SharedWorker};
