//! In place of `queue` where there is no allocator: no closure can be kept, so none is ever deferred.

use core::marker::PhantomData;

pub(crate) struct Deferred<T>(PhantomData<fn(&mut T)>);

impl<T> Deferred<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }

    /// # Safety
    ///
    /// Always safe. It is `unsafe` because the function of the same name in `queue` is.
    pub(crate) unsafe fn pop(&self) -> Option<fn(&mut T)> {
        None
    }

    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn gather(&self) -> usize {
        0
    }

    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn is_empty(&self) -> bool {
        true
    }

    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn close(&self) {}
}
