//! How a callback of a test reaches its own interrupt, or the handle that owns it.

use std::sync::{Arc, Mutex, Weak};

use interrupt_lock::{Interrupt, InterruptObject};

/// Holds the object, once it is built.
pub struct Slot<T, W>(Arc<Mutex<Weak<InterruptObject<T, W>>>>);

impl<T, W> Slot<T, W> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&self, interrupt: &Interrupt<T, W>) {
        *self.0.lock().unwrap() = Arc::downgrade(interrupt.object());
    }

    #[track_caller]
    pub fn get(&self) -> Arc<InterruptObject<T, W>> {
        self.0.lock().unwrap().upgrade().unwrap()
    }
}

impl<T, W> Default for Slot<T, W> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Weak::new())))
    }
}

impl<T, W> Clone for Slot<T, W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Holds the handle, for any thread to drop.
pub struct Owner<T, W>(Arc<Mutex<Option<Interrupt<T, W>>>>);

impl<T, W> Owner<T, W> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the handle. Returns the object.
    pub fn keep(&self, interrupt: Interrupt<T, W>) -> Arc<InterruptObject<T, W>> {
        let object = interrupt.object().clone();
        *self.0.lock().unwrap() = Some(interrupt);
        object
    }

    /// Drops the handle, with the slot unlocked.
    pub fn drop_handle(&self) {
        let handle = self.0.lock().unwrap().take();
        drop(handle);
    }
}

impl<T, W> Default for Owner<T, W> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T, W> Clone for Owner<T, W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Runs a closure as it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
