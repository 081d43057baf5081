//! Dispatchers: threads that wait on sources and serve their interrupts. Each has a worker for the work items.
//!
//! | file | holds |
//! |---|---|
//! | `dispatcher` | the two threads, and the registration of each interrupt with them |
//! | `waiter` | the thread that waits on sources |
//! | `poller` | how the waiter waits: with epoll on Linux, as a parked thread elsewhere |
//! | `polling`, `window` | how long the waiter polls before it sleeps |
//! | `worker` | the thread that runs work items |
//! | `ready_list`, `ready_word` | which interrupts need the waiter or the worker; raising one allocates nothing |
//! | `thread` | a thread of the crate, which can be joined |
//! | `in_models` | stands in for `dispatcher` in a loom model |

#[cfg(not(loom))]
mod dispatcher;
#[cfg(loom)]
mod in_models;
#[cfg(not(loom))]
mod poller;
mod polling;
#[cfg(not(loom))]
mod ready_list;
pub(crate) mod ready_word;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod waiter;
#[cfg(not(loom))]
mod window;
#[cfg(not(loom))]
mod worker;

#[cfg(not(loom))]
pub use dispatcher::Dispatcher;
#[cfg(loom)]
pub use in_models::Dispatcher;
pub use polling::Polling;
