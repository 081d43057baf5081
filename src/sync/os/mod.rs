//! An operating system: threads, which sleep in the parking lot of `parking_lot_core`.

mod barrier;
mod parker;

#[cfg_attr(not(windows), allow(unused_imports, reason = "not every system has a source that needs it"))]
pub(crate) use barrier::light_barrier;
use core::cell::Cell;
pub(crate) use std::time::Instant;

pub(crate) use crossbeam_utils::Backoff;

pub(crate) use barrier::{
    heavy_barrier, heavy_barrier_for_exchanges, light_barrier_after_exchange, load_after_light_barrier,
    without_membarrier,
};
pub(crate) use parker::Parker;

/// What the crate keeps for each thread. Its address is the thread's identity; its alignment leaves the low three bits
/// clear.
#[repr(align(8))]
struct PerThread {
    /// In how many ISRs the thread is: an ISR may deliver to another interrupt.
    isrs: Cell<usize>,
    is_watcher: Cell<bool>,
}

std::thread_local! {
    // It has no destructor, so it is there until the thread's very end: guards work in thread-local destructors too.
    static THIS_THREAD: PerThread =
        const { PerThread { isrs: Cell::new(0), is_watcher: Cell::new(false) } };
}

/// Returns the identity of this thread: not zero, the low three bits clear, and unique for as long as the thread lives.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    THIS_THREAD.with(|thread| core::ptr::from_ref(thread).addr())
}

/// Returns the thread with that identity, if the system tells: its number, and its name.
pub(crate) fn find_thread(identity: usize) -> Option<(u32, Option<crate::name::Name>)> {
    #[cfg(target_os = "linux")]
    return crate::system::thread_with(identity, this_thread())
        .map(|number| (number, crate::system::name_of(number).map(Into::into)));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = identity;
        None
    }
}

/// A thread is inside an ISR, until [`leave_isr`].
#[must_use]
pub(crate) struct InIsr;

/// Marks that this thread is inside an ISR. It may be inside another already.
#[inline(always)]
pub(crate) fn enter_isr() -> InIsr {
    // A count needs no register while the ISR runs. What a mark had been before would.
    THIS_THREAD.with(|thread| thread.isrs.set(thread.isrs.get().wrapping_add(1)));
    InIsr
}

/// Undoes [`enter_isr`].
#[inline(always)]
pub(crate) fn leave_isr(InIsr: InIsr) {
    THIS_THREAD.with(|thread| thread.isrs.set(thread.isrs.get().wrapping_sub(1)));
}

/// Returns whether this thread is inside an ISR.
pub(crate) fn is_in_isr() -> bool {
    THIS_THREAD.with(|thread| thread.isrs.get() != 0)
}

/// Marks this thread as a watcher: it waits on sources, and serves interrupts that need it.
pub(crate) fn become_watcher() {
    THIS_THREAD.with(|thread| thread.is_watcher.set(true));
}

/// Returns whether this thread is a watcher.
pub(crate) fn is_watcher() -> bool {
    THIS_THREAD.with(|thread| thread.is_watcher.get())
}

/// A delivery may wait for a lock that another thread holds.
pub(crate) const DELIVERY_MAY_WAIT: bool = true;

/// Threads sleep while they wait.
pub(crate) const THREADS_SLEEP: bool = true;

/// Returns a backoff whose first look comes late. It leaves the cache line of the lock's words to the owner: looks slow
/// the owner down, and the owner's next section often follows at once.
pub(crate) fn patient_backoff() -> Backoff {
    let backoff = Backoff::new();
    for _ in 0..4 {
        backoff.spin();
    }
    backoff
}

/// How often a thread that sleeps has been woken in vain.
///
/// A system that refuses `futex` lets no thread sleep: each sleep ends at once (rule I19). Then the thread sleeps by the clock,
/// and looks again after that.
#[derive(Default)]
pub(crate) struct VainWakeups(u32);

impl VainWakeups {
    /// So many in a row are chance.
    const CHANCE: u32 = 8;
    const PAUSE: core::time::Duration = core::time::Duration::from_millis(10);

    /// Notes a wake-up, and whether there was nothing to do.
    pub(crate) fn note(&mut self, in_vain: bool) {
        self.0 = if in_vain { self.0.saturating_add(1) } else { 0 };
        if self.0 > Self::CHANCE {
            pause(Self::PAUSE);
        }
    }
}

/// A lock that is not one of the crate's, for what their slow paths use themselves.
pub(crate) struct PlainMutex<T>(std::sync::Mutex<T>);

impl<T> PlainMutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        // No section of it unwinds.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Returns whether waits are registered.
#[inline(always)]
pub(crate) fn registers_waits() -> bool {
    true
}

/// Starts a thread of the crate, which blocks every signal (rule I21).
pub(crate) fn start_thread(
    name: &crate::name::Name,
    run: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, crate::cause::SourceError> {
    let name = name.as_str().replace('\0', "");
    #[cfg(target_os = "linux")]
    return crate::system::start(name, run).map_err(crate::system::failed("starting a thread"));
    #[cfg(not(target_os = "linux"))]
    return std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| crate::cause::SourceError::os("starting a thread", &error));
}

/// Starts a thread that nobody joins. Returns `false` if the system refuses.
pub(crate) fn spawn(name: &crate::name::Name, run: impl FnOnce() + Send + 'static) -> bool {
    start_thread(name, run).is_ok()
}

/// Sleeps.
pub(crate) fn pause(time: core::time::Duration) {
    std::thread::sleep(time);
}

type Payload = alloc::boxed::Box<dyn core::any::Any + Send>;

/// A panic that was caught, as the standard library gives it. A result with it fits in registers.
pub(crate) struct Panicked(Payload);

/// Runs a callback, and catches its panic.
#[inline(always)]
pub(crate) fn call<R>(callback: impl FnOnce() -> R) -> Result<R, Panicked> {
    // Unwind safety: only the driver's own data can be left half done, and the fault tells the driver of the panic.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(callback)).map_err(Panicked)
}

impl Panicked {
    /// Returns the message that the panic carried.
    #[cold]
    pub(crate) fn message(self) -> crate::name::Name {
        message(self.0)
    }
}

fn message(payload: Payload) -> crate::name::Name {
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        return crate::name::Name::new(message);
    }
    match payload.downcast::<std::string::String>() {
        Ok(message) => crate::name::Name::from(*message),
        Err(payload) => {
            // Its destructor may panic, too, with a payload that does the same, and so on: forget what it panics with.
            if let Err(again) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(again);
            }
            crate::name::Name::new("(something that is not text)")
        }
    }
}
