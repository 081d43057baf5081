//! How the notes are used: behind their own lock, which is held for a few instructions.
//!
//! On bare metal the end of a section may be a vector's, and the code that it interrupted may be using the notes. The
//! vector must not wait for that code (rule B3). So it leaves the word `TELL_LEFT`, and that code tells the listeners as
//! soon as it has done with the notes.
//!
//! A vector sets the bit, passes a barrier, and tries the lock once more. The other side releases the lock, which passes
//! a barrier, and then reads the bit. So at least one of them sees the other.

use crate::interrupt::{InterruptObject, Notes};
#[cfg(not(feature = "std"))]
use crate::{interrupt::state::TELL_LEFT, sync};

impl<T, W> InterruptObject<T, W> {
    /// Uses the notes, and waits for them. The caller is in no section of the interrupt lock.
    pub(super) fn with_notes<R>(&self, use_them: impl FnOnce(&mut Notes) -> R) -> R {
        let result = use_them(&mut self.notes.lock());
        self.tell_for_vectors();
        result
    }

    /// Uses the notes, to tell the listeners. Where that must not wait, returns `None` if they are in use: then the
    /// code that uses them tells the listeners.
    #[cfg(feature = "std")]
    pub(super) fn with_notes_now<R>(&self, use_them: impl FnOnce(&mut Notes) -> R) -> Option<R> {
        Some(use_them(&mut self.notes.lock()))
    }

    /// As above.
    #[cfg(not(feature = "std"))]
    pub(super) fn with_notes_now<R>(&self, use_them: impl FnOnce(&mut Notes) -> R) -> Option<R> {
        let mut notes = self.notes.try_lock().or_else(|| {
            self.state.set(TELL_LEFT);
            sync::heavy_barrier();
            self.notes.try_lock()
        })?;
        let result = use_them(&mut notes);
        drop(notes);
        self.tell_for_vectors();
        Some(result)
    }

    /// Does nothing: a thread waits for the notes.
    #[cfg(feature = "std")]
    #[inline(always)]
    fn tell_for_vectors(&self) {}

    /// Tells the listeners, if a vector has left that to the caller.
    #[cfg(not(feature = "std"))]
    fn tell_for_vectors(&self) {
        if self.state.has(TELL_LEFT) && self.state.take(TELL_LEFT) {
            self.tell_listeners();
        }
    }
}
