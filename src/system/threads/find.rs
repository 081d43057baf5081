//! Which thread has a thread-local at an address.
//!
//! A thread-local of the program lies at the same distance from each thread's own structures. One of those has an address that
//! the kernel knows for every thread of the process: the C library's list of robust locks. So the kernel's answers tell
//! whose thread-local it is, and no thread needs to keep a record of itself. (Where a C library has no such list for a thread,
//! or a library was loaded later, the thread isn't found.)

use core::mem::size_of;
use std::format;
use std::string::String;

use rustix::io::Errno;

use crate::system::call::{Call, Failure, once};
use crate::system::files::{attribute, names};
use crate::system::threads::ThreadId;

/// The threads of this process.
const TASKS: &str = "/proc/self/task";

/// Returns the number of the thread whose thread-local is at `address`. The caller's is at `mine`.
pub(crate) fn thread_with(address: usize, mine: usize) -> Option<u32> {
    if address == mine {
        return Some(ThreadId::current().raw());
    }
    let distance = mine.wrapping_sub(robust_list(0).ok()?);
    let threads = names(TASKS).into_iter().filter_map(|name| name.parse().ok());
    let mut found = threads.filter(|&thread: &u32| {
        robust_list(thread).is_ok_and(|head| head != 0 && head.wrapping_add(distance) == address)
    });
    found.next()
}

/// Returns the name of a thread of this process, as far as the kernel keeps it: 15 bytes.
pub(crate) fn name_of(thread: u32) -> Option<String> {
    attribute(format!("{TASKS}/{thread}/comm"))
}

/// Returns the address of a thread's list of robust locks; 0 if it has none. The caller's for 0.
fn robust_list(thread: u32) -> Result<usize, Failure> {
    let (mut head, mut len) = (0_usize, size_of::<usize>());
    once(Call::RobustList, || {
        // SAFETY: the kernel writes one word to each of the two places. They are alive, and nothing else refers to them.
        let answer = unsafe { libc::syscall(libc::SYS_get_robust_list, thread, &raw mut head, &raw mut len) };
        if answer == 0 {
            Ok(head)
        } else {
            Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
        }
    })
}
