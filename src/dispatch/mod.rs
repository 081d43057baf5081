//! Threads that wait on sources and serve their interrupts, and a worker for what the ISRs leave to be done.
//!
//! | file | holds |
//! |---|---|
//! | `dispatcher` | the two threads, and the place of each interrupt at them |
//! | `waiter` | the thread that waits on sources |
//! | `poller` | how it waits: epoll on Linux, a parked thread elsewhere |
//! | `polling`, `window` | for how long the waiter polls before it sleeps |
//! | `worker` | the thread that runs work items |
//! | `ready_list`, `ready_word` | which interrupts have something for one of the two to do, without allocation |
//! | `thread` | a thread to be joined |
//! | `in_models` | what a loom model finds in its place |

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
