//! Models: loom's threads, of which loom explores every interleaving.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
pub(crate) use std::time::Instant;

use loom::cell::{MutPtr, UnsafeCell};
pub(crate) use loom::sync::atomic::Ordering;
use loom::sync::atomic::fence;
use loom::sync::{Condvar, Mutex};

use crate::sync::Parked;

loom::thread_local! {
    static THIS_THREAD: PerThread = PerThread::new();
}

/// What the crate keeps for each thread of a model.
struct PerThread {
    id: usize,
    isrs: Cell<u32>,
}

impl PerThread {
    fn new() -> Self {
        // Not loom's atomic: the threads' numbers make no difference to what the threads do.
        static NEXT: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(8);
        Self { id: NEXT.fetch_add(8, Ordering::Relaxed), isrs: Cell::new(0) }
    }
}

pub(crate) fn this_thread() -> usize {
    THIS_THREAD.with(|thread| thread.id)
}

/// A thread is inside an ISR, until [`leave_isr`].
#[must_use]
pub(crate) struct InIsr;

pub(crate) fn enter_isr() -> InIsr {
    THIS_THREAD.with(|thread| thread.isrs.set(thread.isrs.get() + 1));
    InIsr
}

pub(crate) fn leave_isr(InIsr: InIsr) {
    THIS_THREAD.with(|thread| thread.isrs.set(thread.isrs.get() - 1));
}

pub(crate) fn is_in_isr() -> bool {
    THIS_THREAD.with(|thread| thread.isrs.get() != 0)
}

/// Returns `None`: nobody asks for loom's threads.
pub(crate) fn find_thread(_: usize) -> Option<(u32, Option<crate::name::Name>)> {
    None
}

/// Returns `false`: models have no dispatchers.
pub(crate) fn is_watcher() -> bool {
    false
}

pub(crate) const DELIVERY_MAY_WAIT: bool = true;

pub(crate) const THREADS_SLEEP: bool = true;

/// A fence: loom knows no barrier that one thread makes others pass, so a fence on each side stands for the pair.
pub(crate) fn light_barrier() {
    fence(Ordering::SeqCst);
}

/// Passes a [`light_barrier`], and loads `word` after it.
pub(crate) fn load_after_light_barrier(word: &AtomicUsize) -> usize {
    light_barrier();
    // Relaxed: the barrier orders it.
    word.load(Ordering::Relaxed)
}

/// As [`light_barrier`].
pub(crate) fn light_barrier_after_exchange() {
    fence(Ordering::SeqCst);
}

/// As [`light_barrier`].
pub(crate) fn heavy_barrier() {
    fence(Ordering::SeqCst);
}

std::thread_local! {
    // Not loom's thread-local: it belongs to the model that runs on this thread of the system.
    static EXCHANGES_FENCE: Cell<bool> = const { Cell::new(false) };
}

/// As [`light_barrier`], unless the model runs in `where_exchanges_fence`.
pub(crate) fn heavy_barrier_for_exchanges() {
    if !EXCHANGES_FENCE.get() {
        fence(Ordering::SeqCst);
    }
}

/// Runs a model of a machine whose exchanges are full barriers: there [`heavy_barrier_for_exchanges`] does nothing, so
/// the model fails if other code relies on it.
///
/// Loom's own exchanges are no barriers, so such a model can't ask which thread comes first.
#[cfg(test)]
pub(crate) fn where_exchanges_fence(model: impl FnOnce()) {
    EXCHANGES_FENCE.set(true);
    model();
    EXCHANGES_FENCE.set(false);
}

std::thread_local! {
    // As `EXCHANGES_FENCE`.
    static REGISTERS_WAITS: Cell<bool> = const { Cell::new(false) };
}

std::thread_local! {
    // As `EXCHANGES_FENCE`.
    static STARTS_THREADS: Cell<bool> = const { Cell::new(false) };
}

/// For models whose explorer does not try every interleaving, such as shuttle's: from now on the register of waits takes
/// part, and so do the threads that end interrupts.
#[doc(hidden)]
pub fn take_all_part() {
    REGISTERS_WAITS.set(true);
    STARTS_THREADS.set(true);
}

/// Returns whether waits are registered: only in a model that runs in `with_registered_waits`. The register is one more
/// lock, which would multiply the interleavings of every other model.
pub(crate) fn registers_waits() -> bool {
    REGISTERS_WAITS.get()
}

/// Runs a model in which the register of waits takes part.
#[cfg(test)]
pub(crate) fn with_registered_waits(model: impl FnOnce()) {
    REGISTERS_WAITS.set(true);
    model();
    REGISTERS_WAITS.set(false);
}

/// A lock that is not one of the crate's, for what their slow paths use themselves.
pub(crate) struct PlainMutex<T>(Mutex<T>);

impl<T> PlainMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

/// Loom's atomic, changed so that loom explores every interleaving.
///
/// Loom remembers only the last access to an atomic. Suppose that one thread loads, and then another loads and
/// exchanges. Its accesses overwrite what loom remembers of the first load, so loom never tries the order "exchange,
/// then first load". So here each load touches a second atomic before, which makes loom try both orders of any two
/// threads. That access is Relaxed: it orders nothing in the model's memory.
pub(crate) struct AtomicUsize {
    schedule_point: loom::sync::atomic::AtomicUsize,
    value: loom::sync::atomic::AtomicUsize,
}

impl AtomicUsize {
    pub(crate) fn new(value: usize) -> Self {
        Self {
            schedule_point: loom::sync::atomic::AtomicUsize::new(0),
            value: loom::sync::atomic::AtomicUsize::new(value),
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> usize {
        self.schedule_point.fetch_or(0, Ordering::Relaxed);
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

    pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        self.value.fetch_sub(value, order)
    }

    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        change: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        self.value.fetch_update(success, failure, change)
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

/// Loom's atomic pointer, changed as [`AtomicUsize`].
pub(crate) struct AtomicPtr<T> {
    schedule_point: loom::sync::atomic::AtomicUsize,
    value: loom::sync::atomic::AtomicPtr<T>,
}

impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> Self {
        Self {
            schedule_point: loom::sync::atomic::AtomicUsize::new(0),
            value: loom::sync::atomic::AtomicPtr::new(value),
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.schedule_point.fetch_or(0, Ordering::Relaxed);
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

/// Completed at once, so that the thread parks: a spin only repeats what parking explores.
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

/// As [`Backoff::new`]: a model has no time.
pub(crate) fn patient_backoff() -> Backoff {
    Backoff::new()
}

/// What a section borrows, so that loom sees sections that overlap.
pub(crate) struct Witness(UnsafeCell<()>);

/// A section's borrow of a [`Witness`].
pub(crate) struct Borrow(#[expect(dead_code, reason = "held for its Drop")] MutPtr<()>);

// SAFETY: it holds no data; loom tracks its borrows.
unsafe impl Sync for Witness {}

impl Witness {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(()))
    }

    pub(crate) fn borrow(&self) -> Borrow {
        Borrow(self.0.get_mut())
    }
}

/// A value that only the owner of a lock or of a bit elsewhere may touch.
pub(crate) struct Locked<T>(UnsafeCell<T>);

// SAFETY: threads reach the value as outside models: through `with`, whose callers promise exclusion, and through
// `read`, which needs a value that is `Sync`. Loom checks that they keep the promise.
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
}

/// A parking lot for loom: a queue behind one of loom's mutexes.
pub(crate) struct Parker(Mutex<VecDeque<Arc<Waiter>>>);

/// A thread in the queue.
struct Waiter {
    wake: Condvar,
    // Only touched with the queue locked.
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

    /// Makes the deadline of every timed waiter pass. Loom has no clock: a thread of the model stands for it.
    #[cfg(test)]
    pub(crate) fn expire(&self) {
        let queue = self.0.lock().unwrap();
        for waiter in queue.iter().filter(|waiter| waiter.timed) {
            waiter.state.set(WaiterState::Expired);
            waiter.wake.notify_one();
        }
    }
}

/// The payload of a panic that a model plans, in a callback: it becomes a fault, as every panic does outside models.
#[doc(hidden)]
#[derive(Debug)]
pub struct PlannedPanic;

/// A panic that was caught, and that the model has planned.
pub(crate) struct Panicked(());

/// Runs a callback. A panic that the model has not planned fails the model: it goes on, so that it reaches loom.
pub(crate) fn call<R>(callback: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(callback))
        .or_else(|payload| if payload.is::<PlannedPanic>() { Err(Panicked(())) } else { resume_unwind(payload) })
}

impl Panicked {
    pub(crate) fn message(self) -> crate::name::Name {
        crate::name::Name::new("planned")
    }
}

/// Starts a thread that nobody joins. Returns `false` in most models: their threads are their own.
pub(crate) fn spawn(_: &crate::name::Name, run: impl FnOnce() + Send + 'static) -> bool {
    if STARTS_THREADS.get() {
        // Forget the handle: shuttle abandons the threads whose handles are dropped, as the model ends.
        core::mem::forget(loom::thread::spawn(run));
    }
    STARTS_THREADS.get()
}

/// Starts a thread of the system, for what is no part of a model.
pub(crate) fn start_thread(
    name: &crate::name::Name,
    run: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, crate::cause::SourceError> {
    let started = std::thread::Builder::new().name(name.as_str().into()).spawn(run);
    started.map_err(|error| crate::cause::SourceError::os("starting a thread", &error))
}

/// Lets other threads run: a model has no time.
pub(crate) fn pause(_: core::time::Duration) {
    loom::thread::yield_now();
}

/// Does nothing: a model has no `membarrier`.
pub(crate) fn without_membarrier() {}
