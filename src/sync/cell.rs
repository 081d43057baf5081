//! Cells whose exclusion another word provides: a lock's word, a bit.

use core::cell::UnsafeCell;

/// What a section borrows, so that a model sees sections that overlap. Empty outside models.
pub(crate) struct Witness;

/// A section's borrow of a [`Witness`]. It must end before the release.
pub(crate) struct Borrow;

impl Witness {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn borrow(&self) -> Borrow {
        Borrow
    }
}

/// A value that only the owner of a lock or of a bit elsewhere may touch.
pub(crate) struct Locked<T>(UnsafeCell<T>);

// SAFETY: threads reach the value by `with` only, whose callers promise exclusion. So sharing the cell only moves the
// value from thread to thread.
unsafe impl<T: Send> Sync for Locked<T> {}

impl<T> Locked<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Lets `f` use the value.
    ///
    /// # Safety
    ///
    /// No other call of `with` on this cell may overlap this one, from this thread or another, and each must happen
    /// before or after it.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller promises that no other reference exists while `f` runs.
        f(unsafe { &mut *self.0.get() })
    }

    pub(crate) const fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}
