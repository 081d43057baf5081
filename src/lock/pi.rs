//! A raw lock whose owner inherits the priority of the threads that wait for it: Linux's futex with priority
//! inheritance.
//!
//! This code and the kernel share one word: 0, or the owner's thread number, and a bit that says that threads wait.
//! Without a waiter, acquiring and releasing are one compare-exchange each. The kernel does all the rest: it queues the
//! waiters by priority, lends the highest priority to the owner, and hands the word over. So there is no protocol here
//! that a model could explore.

use core::cell::Cell;
use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

use lock_api::{GuardNoSend, RawMutex};
use std::thread_local;

use crate::sync::Process;
use crate::system;
use crate::system::{ThreadId, Waited, is_in_this_process};

/// A raw lock with priority inheritance, for data that threads of low priority share with a real-time ISR.
///
/// A thread that holds it runs with the highest priority of the threads that wait for it. `lock_api`'s generics work
/// over it.
///
/// Use it beside an [`InterruptLock`](crate::InterruptLock), which has no priority inheritance, but lets deliveries go
/// first and costs half as much. The threads of low priority acquire the `RawPiLock` instead of the interrupt lock, and
/// the ISR acquires it for a moment. Then no thread of medium priority can delay the ISR by preempting them.
///
/// In a forked child the lock is free if it was free at the fork, or if the thread that forked held it and releases it
/// there. If another thread of the parent held it, [`lock`](RawMutex::lock) panics.
///
/// # Panics
///
/// [`lock`](RawMutex::lock) panics:
///
/// - if the calling thread holds the lock already,
/// - if the owner has ended, with its guard leaked. Other threads may then wait until the thread that panicked ends
///   too,
/// - if the kernel has no locks with priority inheritance.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, RawPiLock};
/// use std::sync::Arc;
///
/// struct Settings { step: u32 }
/// struct Position { steps: u32 }
///
/// let settings = Arc::new(lock_api::Mutex::<RawPiLock, _>::new(Settings { step: 7 }));
/// let for_isr = settings.clone();
/// let interrupt = Interrupt::builder(Position { steps: 0 })
///     .isr(move |position| { position.steps += for_isr.lock().step; Claim::Claimed })
///     .build()?;
/// interrupt.enable()?;
/// settings.lock().step = 8; // a thread of low priority
/// interrupt.service();
/// assert_eq!(interrupt.acquire_interrupt_lock().steps, 8);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug, Default)]
#[doc(alias = "PTHREAD_PRIO_INHERIT")]
#[doc(alias = "FUTEX_LOCK_PI")]
pub struct RawPiLock(AtomicU32);

const ENDED: &str = "the thread that holds the lock has ended";
const FORKED: &str = "the thread that holds the lock is in the process from which this one was forked";

/// Returns the calling thread's number. Each thread asks the kernel once, and once more after a fork: the thread of the
/// child has another.
#[inline]
fn me() -> u32 {
    thread_local! {
        static ME: Cell<(Process, u32)> = Cell::new(ask());
    }
    ME.with(|me| {
        if !me.get().0.is_this() {
            me.set(ask());
        }
        me.get().1
    })
}

#[cold]
fn ask() -> (Process, u32) {
    (Process::this(), ThreadId::current().raw())
}

impl RawPiLock {
    /// Returns a free lock.
    ///
    /// ```
    /// use lock_api::RawMutex;
    /// assert!(!interrupt_lock::RawPiLock::new().is_locked());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline]
    fn take(&self) -> bool {
        // Acquire: pairs with the Release in `unlock`.
        self.0.compare_exchange(0, me(), Acquire, Relaxed).is_ok()
    }

    #[cold]
    #[track_caller]
    fn wait(&self) {
        // Relaxed: an owner that is left behind never changes the word any more.
        let owner = self.0.load(Relaxed) & system::OWNER;
        assert!(owner == 0 || is_in_this_process(owner), "{FORKED}");
        // Relaxed: the kernel sets the bit before it hands the word over, or as it does.
        let owner_has_ended = || self.0.load(Relaxed) & system::OWNER_DIED != 0;
        loop {
            match system::lock_pi(&self.0) {
                // The kernel gives a waiter the lock that an ended thread held. The ended thread has leaked its guard,
                // and what that guard gave access to may be in use. So no thread gets the lock any more: it stays this
                // thread's.
                Ok(Waited::Yours | Waited::WasYours) if owner_has_ended() => panic!("{ENDED}"),
                Ok(Waited::Yours) => break,
                // The owner is about to end, and the kernel has not released the lock for it yet; or a signal
                // interrupted the wait.
                Ok(Waited::Again) => std::thread::yield_now(),
                Ok(Waited::WasYours) => panic!("this thread holds the lock already"),
                Ok(Waited::OwnerEnded) => panic!("{ENDED}"),
                Err(failure) => {
                    let error = system::failed("waiting for a lock with priority inheritance")(failure);
                    panic!("the kernel gives no such lock: {error:#}")
                }
            }
        }
        // Acquire: pairs with the Release in `hand_over`; the kernel has handed the word over.
        fence(Acquire);
    }
}

// SAFETY: a thread with a guard is the owner that the word names, so it is alone. The word gets an owner in two ways: a
// thread sets it from 0 to itself by a compare-exchange, or the kernel sets it to a thread that it lets return from
// `lock_pi`. Only the owner clears the word, or makes the kernel hand it over. The guard stays on its thread, which the
// word names. A `lock` that panics gives no guard. A lock whose owner has ended, with its guard leaked, is never
// acquired again.
unsafe impl RawMutex for RawPiLock {
    const INIT: Self = Self::new();

    type Guard = GuardNoSend;

    #[inline]
    #[track_caller]
    fn lock(&self) -> GuardNoSend {
        if !self.take() {
            self.wait();
        }
        GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<GuardNoSend> {
        self.take().then_some(GuardNoSend::new())
    }

    #[inline]
    unsafe fn unlock(&self, _: GuardNoSend) {
        // Release: pairs with the Acquire in `take`.
        if self.0.compare_exchange(me(), 0, Release, Relaxed).is_err() {
            self.hand_over();
        }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        // Relaxed: a snapshot.
        self.0.load(Relaxed) != 0
    }
}

impl RawPiLock {
    /// Releases a lock for which threads wait: the kernel gives it to the one with the highest priority.
    #[cold]
    fn hand_over(&self) {
        // Release: pairs with the Acquire in `wait`.
        fence(Release);
        // Relaxed: the caller is the owner.
        if self.0.load(Relaxed) & system::OWNER != me() {
            // It forked in its section: the word names the thread of the parent. Nobody waits for that here.
            self.0.store(0, Release);
            return;
        }
        // The caller is the owner, so this can't fail.
        let _ = system::unlock_pi(&self.0);
    }
}
