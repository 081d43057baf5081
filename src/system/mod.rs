//! The door to Linux: every call of the system that the crate makes itself is made in this folder.
//!
//! A call that fails answers a [`Failure`], whose number nobody outside reads. Where a number means something to a caller
//! (again, nothing there, gone), the answer says so in a word. Under `--cfg refused_calls` a test can have any call
//! refused.
//!
//! (`std` and `parking_lot_core` make calls of their own, to start threads and to let them sleep.)
//!
//! | file | holds | rules |
//! |---|---|---|
//! | `call` | one call, its name, and how it fails | I19 |
//! | `errors` | how failed calls become errors | |
//! | `descriptors` | descriptors, whatever is behind them | I18 |
//! | `epoll`, `eventfd` | waiting, and being signalled | I18, I19 |
//! | `files` | devices' files, sysfs and proc | |
//! | `memory` | memory that is mapped | |
//! | `process` | noticing forks | I20 |
//! | `ring` | an io_uring, which reads eventfds | I18, I19 |
//! | `sockets` | what a program publishes to others | I18 |
//! | `threads` | threads, their locks and barriers | I21 |
//! | `gpio`, `uio`, `vfio` | what these devices answer | |

mod call;
mod descriptors;
mod epoll;
mod errors;
mod eventfd;
mod files;
#[cfg(feature = "gpio")]
pub(crate) mod gpio;
mod memory;
pub(crate) mod process;
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
mod ring;
mod sockets;
mod threads;
#[cfg(feature = "uio")]
pub(crate) mod uio;
#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
pub(crate) mod vfio;

pub(crate) use call::Failure;
#[cfg(refused_calls)]
pub use call::refuse;
#[cfg(all(feature = "vfio", target_pointer_width = "64"))]
pub(crate) use descriptors::close_on_exec;
#[cfg(any(feature = "test-kit", doc))]
pub(crate) use descriptors::is_closed_on_exec;
pub(crate) use descriptors::{
    Found, adopt, can_look, duplicate, is_readable, is_writable, set_blocking, shows_error, sleep_until_readable,
};
pub(crate) use epoll::{Epoll, Events, Report};
pub(crate) use errors::{device_failed, failed, opening, refused};
pub(crate) use eventfd::{count_up, eventfd, set_timer, signal, sleep_for_count, take_count, timer};
pub(crate) use files::{
    Open, Unopened, attribute, character_device, character_device_at, identity, len, link, link_name, lock, names,
    number, open, read_at, text, unlock, write_at, write_text,
};
pub(crate) use memory::{Mapping, limit_of_pinned, page_size};
pub(crate) use process::is_in_this_process;
#[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
pub(crate) use ring::{Completion, Key, Ring};
pub(crate) use sockets::{
    Answers, Bound, FileId, Until, accept, bind_to, file_at, listen_on, open_directory, receive, remove, send_now,
    socket_for_owner, wait_for, who_answers,
};
pub(crate) use threads::find::{name_of, thread_with};
pub(crate) use threads::futex::{OWNER, OWNER_DIED, Waited, lock_pi, unlock_pi};
pub(crate) use threads::{
    Processors, ThreadId, above_all_processors, bind, membarrier, processors, processors_of_process, schedule, start,
};
