//! The waker of a connected source.

use std::mem;
use std::task::Waker;

#[cfg(not(loom))]
use crate::lock::RawInterruptLock;

#[cfg(not(loom))]
type Lock = lock_api::Mutex<RawInterruptLock, Option<Waker>>;
/// Not modelled: a driver's model explores its driver and not this lock, which would multiply the executions by
/// hundreds. Nothing that loom knows of happens while it is held.
#[cfg(loom)]
type Lock = std::sync::Mutex<Option<Waker>>;

/// The waker that the source was connected with, while it is connected.
pub(super) struct WakerSlot(Lock);

// A waker is put in or taken out whole: no panic leaves the slot half done.
impl std::panic::RefUnwindSafe for WakerSlot {}

impl WakerSlot {
    pub fn new() -> Self {
        #[cfg(not(loom))]
        let lock = Lock::from_raw(RawInterruptLock::new(), None);
        #[cfg(loom)]
        let lock = Lock::new(None);
        Self(lock)
    }

    pub fn get(&self) -> Option<Waker> {
        self.lock().clone()
    }

    pub fn set(&self, waker: Option<Waker>) {
        // The old waker is dropped outside the lock, because its drop may run any code.
        let old = mem::replace(&mut *self.lock(), waker);
        drop(old);
    }

    #[cfg(not(loom))]
    fn lock(&self) -> lock_api::MutexGuard<'_, RawInterruptLock, Option<Waker>> {
        self.0.lock()
    }

    #[cfg(loom)]
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.0.lock().expect("a waker's clone panicked")
    }
}
