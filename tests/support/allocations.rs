//! An allocator that counts, for tests that have a process of their own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub struct Counting;

/// How often the threads of the process have allocated.
pub static ALLOCATED: AtomicU64 = AtomicU64::new(0);

std::thread_local! {
    /// Not yet known, for a thread that has not allocated yet.
    static COUNTS: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Does not count what this thread allocates from now on, because it only waits for the test.
pub(crate) fn do_not_count_this_thread() {
    COUNTS.set(Some(false));
}

/// Not those of the main thread, which says that a test takes long: a slow machine is no failure.
#[cfg(target_os = "linux")]
fn is_main() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

#[cfg(not(target_os = "linux"))]
fn is_main() -> bool {
    false
}

fn counts() -> bool {
    let counts = COUNTS.get().unwrap_or_else(|| !is_main());
    COUNTS.set(Some(counts));
    counts
}

// SAFETY: the system's allocator does it all; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if counts() {
            ALLOCATED.fetch_add(1, Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
