//! The process that something belongs to (rule I20).
//!
//! A forked child has a copy of all memory, but only the thread that forked, and it shares the parent's objects of the
//! kernel. So what has threads or such objects notes the process that made it, and in a child it leaves them alone. What
//! another thread was in the middle of stays as it was in the copy, for ever.
//!
//! Forks are noticed where the C library makes them, on Linux. A process that nobody has forked asks nothing more than that:
//! [`is_forked`].

#[cfg(all(feature = "std", not(loom), target_os = "linux"))]
pub(crate) use crate::system::process::{BITS_BELOW, is_forked, number as process_number};
#[cfg(not(all(feature = "std", not(loom), target_os = "linux")))]
pub(crate) use unforked::{BITS_BELOW, is_forked, process_number};

/// Where nothing forks, or where nobody notices.
#[cfg(not(all(feature = "std", not(loom), target_os = "linux")))]
mod unforked {
    pub(crate) const BITS_BELOW: u32 = 16;

    #[inline(always)]
    pub(crate) fn process_number() -> usize {
        0
    }

    #[inline(always)]
    pub(crate) fn is_forked() -> bool {
        false
    }
}

/// The process that made something.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(usize);

#[cfg(feature = "alloc")]
impl Process {
    /// This process.
    pub(crate) fn this() -> Self {
        // If the system refuses this, a builder's `notice_forks` returns the error.
        #[cfg(feature = "std")]
        let _ = notice_forks();
        Self(process_number())
    }

    /// Its number, which is not 0 where forks are noticed.
    #[cfg(all(feature = "std", target_os = "linux"))]
    pub(crate) fn number(self) -> usize {
        self.0
    }

    /// Whether this is still that process, and no child of it.
    #[inline]
    pub(crate) fn is_this(self) -> bool {
        self.0 == process_number()
    }
}

/// Sees to it that forks are noticed. Returns an error if the system refuses.
#[cfg(feature = "std")]
pub(crate) fn notice_forks() -> Result<(), crate::cause::SourceError> {
    #[cfg(all(not(loom), target_os = "linux"))]
    crate::system::process::notice_forks().map_err(crate::system::failed("noticing forks"))?;
    Ok(())
}

/// One of something for each process, for what is behind a lock: a thread that a forked child has not may hold the parent's for
/// ever. The one of a distant ancestor is used again.
#[cfg(all(feature = "std", not(loom)))]
pub(crate) struct OfEachProcess<T>([T; GENERATIONS]);

#[cfg(all(feature = "std", not(loom)))]
pub(crate) const GENERATIONS: usize = 4;

#[cfg(all(feature = "std", not(loom)))]
impl<T> OfEachProcess<T> {
    pub(crate) const fn new(all: [T; GENERATIONS]) -> Self {
        Self(all)
    }

    /// The one of this process.
    pub(crate) fn this(&self) -> &T {
        &self.0[(process_number() >> BITS_BELOW) % GENERATIONS]
    }
}
