//! Whom an assertion informs: the interrupt's waker, and its timing.

use std::mem;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use crate::observe::timing::Assertions;
use crate::source::NOBODY;

#[cfg(not(loom))]
type Lock<T> = lock_api::Mutex<crate::lock::RawInterruptLock, T>;
/// Not modelled: a driver's model explores its driver and not this lock, which would multiply the executions by
/// hundreds. Nothing that loom knows of happens while it is held.
#[cfg(loom)]
type Lock<T> = std::sync::Mutex<T>;

pub(super) struct Informed {
    both: Lock<Both>,
    /// A waker is set that wakes something. Without one, as where a driver calls `service` itself, an assertion is spared the
    /// lock. Not modelled, as the lock.
    wakes: AtomicBool,
}

struct Both {
    /// The waker that the source was connected with, while it is connected.
    waker: Option<Waker>,
    /// Present if assertions are timed.
    assertions: Option<Assertions>,
}

// Each is put in or taken out whole: no panic leaves them half done.
impl std::panic::RefUnwindSafe for Informed {}

impl Informed {
    pub fn new() -> Self {
        let both = Both { waker: None, assertions: None };
        #[cfg(not(loom))]
        let both = Lock::from_raw(crate::lock::RawInterruptLock::new(), both);
        #[cfg(loom)]
        let both = Lock::new(both);
        Self { both, wakes: AtomicBool::new(false) }
    }

    /// Returns the waker, if it wakes anything.
    #[inline]
    pub fn waker(&self) -> Option<Waker> {
        // Relaxed: an assertion has to wake only if it has found the source connected. The waker is set before the signal
        // word's transition to that, which the assertion's own transition has acquired.
        if self.wakes.load(Relaxed) { self.clone_waker() } else { None }
    }

    fn clone_waker(&self) -> Option<Waker> {
        self.lock().waker.clone()
    }

    pub fn set_waker(&self, waker: Option<Waker>) {
        let waker = waker.filter(|waker| !waker.will_wake(NOBODY));
        let old = {
            let mut both = self.lock();
            // Relaxed: see `waker`.
            self.wakes.store(waker.is_some(), Relaxed);
            mem::replace(&mut both.waker, waker)
        };
        // Outside the lock, because its drop may run any code.
        drop(old);
    }

    /// Has assertions timed from now on. Returns `false` if they are timed already.
    pub fn time(&self, assertions: Assertions) -> bool {
        let mut both = self.lock();
        let is_first = both.assertions.is_none();
        if is_first {
            both.assertions = Some(assertions);
        }
        is_first
    }

    /// Calls `tell` with the timing, if assertions are timed. `tell` takes no lock.
    #[cold]
    pub fn with_assertions(&self, tell: impl FnOnce(&Assertions)) {
        self.lock().assertions.as_ref().inspect(|assertions| tell(assertions));
    }

    #[cfg(not(loom))]
    fn lock(&self) -> lock_api::MutexGuard<'_, crate::lock::RawInterruptLock, Both> {
        self.both.lock()
    }

    #[cfg(loom)]
    fn lock(&self) -> std::sync::MutexGuard<'_, Both> {
        self.both.lock().expect("a waker's clone panicked")
    }
}
