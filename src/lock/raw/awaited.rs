//! What a thread may wait for, for the search for circles of waits (rule E4).

use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// Something that a thread may wait for, and that another thread owns: a lock, the run of a work item.
///
/// It is the word with its owner's identity: the lock's owner, the thread that runs the work item.
#[derive(Clone, Copy)]
pub(crate) struct Awaited<'a>(pub(crate) &'a AtomicUsize);

impl Awaited<'_> {
    /// Returns the owner's identity, or 0 if there is none.
    pub(crate) fn owner(self) -> usize {
        // Relaxed: exact if the caller is the owner, since it wrote the word itself. Otherwise the lock of the register
        // of waits orders it.
        self.0.load(Relaxed)
    }
}
