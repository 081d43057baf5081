//! A dispatcher's two threads: the watcher waits on sources, the worker runs work items.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `dispatcher` | the two threads, and the registration of each interrupt with them | I16 |
//! | `watcher` | the thread that waits on sources | I14, I16 |
//! | `poller` | how the watcher waits: with epoll, in a `read` or with an io_uring on Linux, for handles on Windows, as a parked thread elsewhere | |
//! | `window` | how long the watcher polls for one interrupt | |
//! | `worker` | the thread that runs work items, and what a release has left to it | I16, L12, W2 |
//! | `ready_list` | which interrupts need the watcher or the worker | |
//! | `ready_table` | what the watcher or the worker knows of each interrupt, and which lines are silent | I14 |
//! | `moments` | which of many moments comes first | |
//! | `thread` | a thread of the crate, which can be joined | |

mod dispatcher;
mod moments;
mod poller;
mod ready_list;
mod ready_table;
mod thread;
mod watcher;
mod window;
mod worker;

pub use dispatcher::Dispatcher;
pub(crate) use dispatcher::{Service, SharedWorker};
