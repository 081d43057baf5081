//! What a thread may wait for, as the search for circles of waits sees it.

use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// Something that a thread may wait for, and that belongs to a thread.
///
/// All that is known of it is the word with its owner's identity: a lock's holder, the thread that runs a work item.
#[derive(Clone, Copy)]
pub(crate) struct Awaited<'a>(pub(crate) &'a AtomicUsize);

impl Awaited<'_> {
    pub(crate) fn owner(self) -> usize {
        // Relaxed: exact where the owner is the caller, which wrote it itself. For others the register of waits, which is
        // locked, orders it.
        self.0.load(Relaxed)
    }
}
