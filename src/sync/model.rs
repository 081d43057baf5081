//! Loom's threads, so that every interleaving of them is explored.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::cell::Cell;
pub(crate) use std::time::Instant;

use loom::cell::{MutPtr, UnsafeCell};
pub(crate) use loom::sync::atomic::Ordering;
use loom::sync::atomic::fence;
use loom::sync::{Condvar, Mutex};

use crate::sync::Parked;

loom::thread_local! {
    static THREAD: Thread = Thread::new();
}

struct Thread {
    id: usize,
    isrs: Cell<u32>,
}

impl Thread {
    fn new() -> Self {
        // Not loom's: which numbers the threads get makes no difference to what they do.
        static NEXT: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(8);
        Self { id: NEXT.fetch_add(8, Ordering::Relaxed), isrs: Cell::new(0) }
    }
}

pub(crate) fn this_thread() -> usize {
    THREAD.with(|thread| thread.id)
}

pub(crate) fn in_isr<R>(isr: impl FnOnce() -> R) -> R {
    THREAD.with(|thread| thread.isrs.set(thread.isrs.get() + 1));
    let result = isr();
    THREAD.with(|thread| thread.isrs.set(thread.isrs.get() - 1));
    result
}

pub(crate) fn is_in_isr() -> bool {
    THREAD.with(|thread| thread.isrs.get() != 0)
}

pub(crate) const DELIVERY_MAY_WAIT: bool = true;

pub(crate) fn mask() {}

pub(crate) fn unmask() {}

/// Loom knows no barrier that one thread has others pass, so a fence on each side stands for the pair.
pub(crate) fn light_barrier() {
    fence(Ordering::SeqCst);
}

/// As `light_barrier`.
pub(crate) fn light_barrier_after_exchange() {
    fence(Ordering::SeqCst);
}

/// As `light_barrier`.
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst);
}

std::thread_local! {
    // Not loom's: it is the model's that runs on this thread of the system's.
    static EXCHANGES_FENCE: Cell<bool> = const { Cell::new(false) };
}

/// As `light_barrier`, unless the model says that exchanges need none.
pub(crate) fn heavy_barrier_for_exchanges() {
    if !EXCHANGES_FENCE.get() {
        fence(Ordering::SeqCst);
    }
}

/// Runs a model of a machine whose exchanges are full barriers, so that what is meant for them is none to others. (Loom's
/// exchanges are none, so such a model can't ask who comes first.)
#[cfg(test)]
pub(crate) fn where_exchanges_fence(model: impl FnOnce()) {
    EXCHANGES_FENCE.set(true);
    model();
    EXCHANGES_FENCE.set(false);
}

/// Loom's atomic, with every interleaving explored.
///
/// Loom remembers one last access to an atomic. A thread that loads it and then exchanges it overwrites the memory of
/// another thread's load before, and the order "exchange, then that load" is never tried. So each load touches a second
/// atomic first, which makes loom try both orders of any two threads there. It orders nothing in the model's memory.
pub(crate) struct AtomicUsize {
    turn: loom::sync::atomic::AtomicUsize,
    value: loom::sync::atomic::AtomicUsize,
}

impl AtomicUsize {
    pub(crate) fn new(value: usize) -> Self {
        Self { turn: loom::sync::atomic::AtomicUsize::new(0), value: loom::sync::atomic::AtomicUsize::new(value) }
    }

    pub(crate) fn load(&self, order: Ordering) -> usize {
        self.turn.fetch_or(0, Ordering::Relaxed);
        self.value.load(order)
    }

    pub(crate) fn store(&self, value: usize, order: Ordering) {
        self.value.store(value, order);
    }

    pub(crate) fn swap(&self, value: usize, order: Ordering) -> usize {
        self.value.swap(value, order)
    }

    pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        self.value.fetch_add(value, order)
    }

    pub(crate) fn fetch_or(&self, bits: usize, order: Ordering) -> usize {
        self.value.fetch_or(bits, order)
    }

    pub(crate) fn fetch_and(&self, bits: usize, order: Ordering) -> usize {
        self.value.fetch_and(bits, order)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        self.value.compare_exchange(current, new, success, failure)
    }
}

/// As [`AtomicUsize`].
pub(crate) struct AtomicPtr<T> {
    turn: loom::sync::atomic::AtomicUsize,
    value: loom::sync::atomic::AtomicPtr<T>,
}

impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> Self {
        Self { turn: loom::sync::atomic::AtomicUsize::new(0), value: loom::sync::atomic::AtomicPtr::new(value) }
    }

    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.turn.fetch_or(0, Ordering::Relaxed);
        self.value.load(order)
    }

    pub(crate) fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
        self.value.swap(value, order)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.value.compare_exchange(current, new, success, failure)
    }
}

/// Parks at once: a spin only repeats what parking explores.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn snooze(&self) {
        loom::thread::yield_now();
    }

    pub(crate) fn is_completed(&self) -> bool {
        true
    }
}

/// A model has no time to be patient in.
pub(crate) fn patient_backoff() -> Backoff {
    Backoff::new()
}

/// Borrowed by each guard, so that loom sees sections that overlap.
pub(crate) struct Witness(UnsafeCell<()>);

pub(crate) struct Borrow(#[expect(dead_code, reason = "held for its Drop")] MutPtr<()>);

// SAFETY: it holds nothing; loom follows who borrows it.
unsafe impl Sync for Witness {}

impl Witness {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(()))
    }

    pub(crate) fn borrow(&self) -> Borrow {
        Borrow(self.0.get_mut())
    }
}

pub(crate) struct Locked<T>(UnsafeCell<T>);

// SAFETY: as outside models: the value is reached only through `with`, whose callers promise exclusion (and loom
// checks that they keep the promise).
unsafe impl<T: Send> Sync for Locked<T> {}

impl<T> Locked<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Lets `f` use the value.
    ///
    /// # Safety
    ///
    /// No other call of `with` on this cell may overlap this one.
    pub(crate) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller promises that no other reference exists while `f` runs.
        self.0.with_mut(|value| f(unsafe { &mut *value }))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        // SAFETY: the exclusive borrow excludes every other access for as long as the reference lives.
        self.0.with_mut(|value| unsafe { &mut *value })
    }

    /// Lets `f` look at the value.
    ///
    /// # Safety
    ///
    /// No call of `with` on this cell may overlap this one.
    pub(crate) unsafe fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R
    where
        T: Sync,
    {
        // SAFETY: the caller promises that nothing writes while `f` runs.
        self.0.with(|value| f(unsafe { &*value }))
    }
}

/// The parking lot as loom sees it: a queue behind one of loom's mutexes.
pub(crate) struct Parker(Mutex<VecDeque<Arc<Waiter>>>);

struct Waiter {
    wake: Condvar,
    // Written and read with the queue locked.
    state: Cell<WaiterState>,
    token: usize,
    #[cfg_attr(not(test), expect(dead_code, reason = "only models have a clock"))]
    timed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaiterState {
    Waiting,
    Woken,
    #[cfg_attr(not(test), expect(dead_code, reason = "only models have a clock"))]
    Expired,
}

// SAFETY: `state` is touched only with the queue's mutex locked; everything else is loom's.
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    pub(crate) fn park(
        &self,
        _word: &AtomicUsize,
        token: usize,
        validate: impl FnOnce() -> bool,
        timed_out: impl FnOnce(bool),
        deadline: Option<Instant>,
    ) -> Parked {
        let mut queue = self.0.lock().unwrap();
        if !validate() {
            return Parked::Invalid;
        }
        let waiter = Arc::new(Waiter {
            wake: Condvar::new(),
            state: Cell::new(WaiterState::Waiting),
            token,
            timed: deadline.is_some(),
        });
        queue.push_back(waiter.clone());
        while waiter.state.get() == WaiterState::Waiting {
            queue = waiter.wake.wait(queue).unwrap();
        }
        if waiter.state.get() == WaiterState::Woken {
            return Parked::Woken;
        }
        queue.retain(|other| !Arc::ptr_eq(other, &waiter));
        timed_out(queue.is_empty());
        Parked::TimedOut
    }

    pub(crate) fn wake_one(&self, _word: &AtomicUsize, woken: impl FnOnce(bool)) {
        let mut queue = self.0.lock().unwrap();
        let waiter = queue.pop_front();
        woken(!queue.is_empty());
        if let Some(waiter) = waiter {
            waiter.state.set(WaiterState::Woken);
            waiter.wake.notify_one();
        }
    }

    pub(crate) fn wake(&self, _word: &AtomicUsize, token: usize) {
        let mut queue = self.0.lock().unwrap();
        if let Some(place) = queue.iter().position(|waiter| waiter.token == token)
            && let Some(waiter) = queue.remove(place)
        {
            waiter.state.set(WaiterState::Woken);
            waiter.wake.notify_one();
        }
    }

    pub(crate) fn wake_all(&self, _word: &AtomicUsize) {
        let mut queue = self.0.lock().unwrap();
        for waiter in queue.drain(..) {
            waiter.state.set(WaiterState::Woken);
            waiter.wake.notify_one();
        }
    }

    /// Lets the deadline of every timed waiter pass. Loom has no clock; a model's own thread is one.
    #[cfg(test)]
    pub(crate) fn expire(&self) {
        let queue = self.0.lock().unwrap();
        for waiter in queue.iter().filter(|waiter| waiter.timed) {
            waiter.state.set(WaiterState::Expired);
            waiter.wake.notify_one();
        }
    }
}

/// Runs a callback; a panic in a model is the model's failure, and must reach loom.
pub(crate) fn catch<R>(callback: impl FnOnce() -> R) -> Result<R, crate::Name> {
    Ok(callback())
}

/// As [`catch`]: a panic reaches loom.
pub(crate) fn drop_caught<T>(theirs: T) {
    drop(theirs);
}

/// Nothing: a model has no `membarrier`.
pub(crate) fn without_membarrier() {}
