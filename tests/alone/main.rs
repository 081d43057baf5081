//! Tests that need a process of their own: they count what the whole process has or does, or change what belongs to it.
//! Each file says at its top what that is.
//!
//! Each is run by this program in a new process of itself, which runs that one test.
//!
//! Some are for Linux only: they read in /proc what threads and descriptors the process has, or what they test is Linux's.
#![cfg(all(feature = "std", not(loom)))]

#[cfg(target_os = "linux")]
mod bad_input;
#[cfg(target_os = "linux")]
mod filters;
#[cfg(target_os = "linux")]
mod foreign;
#[cfg(windows)]
mod foreign_handles;
#[cfg(target_os = "linux")]
mod forks;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod io_uring;
#[cfg(target_os = "linux")]
mod leaks;
#[cfg(target_os = "linux")]
mod looks;
mod no_allocation;
mod no_allocation_async;
#[cfg(target_os = "linux")]
mod no_threads;
#[cfg(target_os = "linux")]
mod operator;
#[cfg(target_os = "linux")]
mod overdue_end;
#[cfg(target_os = "linux")]
mod own_loops;
#[cfg(windows)]
mod restricted;
#[cfg(target_os = "linux")]
mod shared_worker;
#[cfg(target_os = "linux")]
mod stopped;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(target_os = "linux")]
mod watched;

use support::allocations::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
