//! What Linux's files and errors need of Rust: errors that say what was being done, sysfs, descriptors.
//!
//! | file | holds |
//! |---|---|
//! | `errors` | how failed system calls become errors |
//! | `sysfs` | the files of sysfs and proc |
//! | `descriptors` | what descriptors of several kinds share |

mod descriptors;
mod errors;
mod sysfs;

pub(crate) use descriptors::{adopt, shows, take_count};
pub(crate) use errors::{device_failed, failed, opening, refused};
pub(crate) use sysfs::{attribute, link_name, number};
