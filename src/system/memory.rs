//! Memory that is mapped.

use core::{ffi::c_void, ptr};
use std::os::fd::BorrowedFd;

use rustix::{
    mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap},
    process::{Resource, getrlimit},
};

use crate::system::call::{Call, Failure, call};

pub(crate) use rustix::param::page_size;

/// A mapping of whole pages, for reading and writing. Other programs that map the same file see the same memory, and so does
/// a forked child: it gets no copy.
pub(crate) struct Mapping {
    start: *mut c_void,
    len: usize,
}

// SAFETY: it holds only an address range, and only `drop` uses that, once.
unsafe impl Send for Mapping {}
// SAFETY: a shared `Mapping` offers only its address and its length.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `file` from `offset` on. Both are whole pages.
    pub(crate) fn of(file: BorrowedFd<'_>, offset: u64, len: usize) -> Result<Self, Failure> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the system chooses the address of the new mapping, so no memory in use is touched.
        let start = call(Call::Map, || unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, file, offset) })?;
        Ok(Self { start, len })
    }

    /// Maps `len` bytes of new memory, filled with zeros.
    pub(crate) fn anonymous(len: usize) -> Result<Self, Failure> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the system chooses the address of the new mapping, so no memory in use is touched.
        let start = call(Call::Map, || unsafe { mmap_anonymous(ptr::null_mut(), len, access, MapFlags::SHARED) })?;
        Ok(Self { start, len })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.cast()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of the mapping. Nothing reaches it any more: `MappedRegisters`, which alone
        // makes accesses, keeps the mapping as long as any of its handles. A failure would mean that the range isn't mapped.
        // Then there is nothing to undo.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}

/// Returns how many bytes this user may pin, or `None` if there is no limit.
pub(crate) fn limit_of_pinned() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}
