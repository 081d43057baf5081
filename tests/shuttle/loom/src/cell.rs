//! Cells that see borrows that overlap.
//!
//! A borrow is a count, which is no schedule point: shuttle runs one thread at a time.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// The count of a cell that is borrowed exclusively. A count above 0 is the number of shared borrows.
const EXCLUSIVE: isize = -1;

/// A cell whose borrows are checked.
#[derive(Debug)]
pub struct UnsafeCell<T> {
    borrows: Arc<AtomicIsize>,
    value: std::cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    /// Makes a cell.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { borrows: Arc::new(AtomicIsize::new(0)), value: std::cell::UnsafeCell::new(value) }
    }

    /// Borrows the value exclusively, until the pointer is dropped.
    ///
    /// # Panics
    ///
    /// If there is another borrow.
    pub fn get_mut(&self) -> MutPtr<T> {
        let before = self.borrows.swap(EXCLUSIVE, Relaxed);
        assert_eq!(before, 0, "two sections overlap");
        MutPtr { borrows: self.borrows.clone(), _value: PhantomData }
    }

    /// Lets `f` use the value.
    ///
    /// # Panics
    ///
    /// If there is another borrow.
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        let _borrow = self.get_mut();
        f(self.value.get())
    }

    /// Lets `f` look at the value.
    ///
    /// # Panics
    ///
    /// If there is an exclusive borrow.
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        struct Shared<'a>(&'a AtomicIsize);
        impl Drop for Shared<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Relaxed);
            }
        }
        assert!(self.borrows.fetch_add(1, Relaxed) >= 0, "a look overlaps a section");
        let _borrow = Shared(&self.borrows);
        f(self.value.get())
    }
}

/// An exclusive borrow of an [`UnsafeCell`].
#[derive(Debug)]
pub struct MutPtr<T> {
    borrows: Arc<AtomicIsize>,
    _value: PhantomData<*mut T>,
}

impl<T> Drop for MutPtr<T> {
    fn drop(&mut self) {
        let before = self.borrows.swap(0, Relaxed);
        // The thread that has noticed an overlap unwinds through here.
        assert!(before == EXCLUSIVE || std::thread::panicking(), "two sections overlapped");
    }
}
