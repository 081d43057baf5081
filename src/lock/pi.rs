//! A mutex whose holder inherits the priority of those who wait for it, as the kernel offers it.
//!
//! The word is the kernel's as much as ours: 0, or the owner's thread number, and a bit for "somebody waits". Taking and
//! leaving it without a waiter is one compare-exchange here; all else is the kernel's, which queues by priority, lends the
//! highest to the owner, and hands the word over. So there is no protocol here that a model could explore.

use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

use lock_api::{GuardNoSend, RawMutex};
use rustix::{
    io::Errno,
    thread::{futex, gettid},
};
use std::thread_local;

/// A raw lock with priority inheritance, for `lock_api`'s generics: a thread that holds it runs with the highest priority of
/// those who wait for it.
///
/// It is not what an [`InterruptLock`](crate::InterruptLock) is made of: that one gives deliveries precedence, serves
/// what was left, and costs half as much. It is for data that threads of low priority share with a real-time dispatcher: the
/// ISR takes this lock for a moment, those threads take it instead of the interrupt lock, and none in between can delay the
/// ISR by preempting them.
///
/// A forked child must not use what its parent has used: the kernel knows owners by their thread numbers.
///
/// # Panics
///
/// [`lock`](RawMutex::lock) panics if the calling thread holds the lock already, if the thread that holds it has ended
/// (a guard was leaked; others may then wait until a thread that was told so ends too), or if the kernel has no such locks.
///
/// # Examples
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, RawPiLock};
/// use std::sync::Arc;
///
/// type Settings = lock_api::Mutex<RawPiLock, u32>;
///
/// let settings = Arc::new(Settings::new(7));
/// let isr = settings.clone();
/// let interrupt = Interrupt::builder(0)
///     .isr(move |sum| { **sum += *isr.lock(); Claim::Claimed })
///     .build()?;
/// interrupt.enable()?;
/// *settings.lock() = 8; // a thread of low priority
/// interrupt.service();
/// assert_eq!(*interrupt.acquire_interrupt_lock(), 8);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Debug, Default)]
#[doc(alias = "PTHREAD_PRIO_INHERIT")]
#[doc(alias = "FUTEX_LOCK_PI")]
pub struct RawPiLock(AtomicU32);

const ENDED: &str = "the thread that holds the lock has ended";

/// The calling thread's number, which the kernel is not asked for twice.
#[inline]
fn me() -> u32 {
    thread_local! {
        static ME: u32 = gettid().as_raw_nonzero().get().cast_unsigned();
    }
    ME.with(|me| *me)
}

impl RawPiLock {
    /// A free lock.
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
        // Relaxed: the kernel sets the bit in the word that it hands over, or before that.
        let owner_has_ended = || self.0.load(Relaxed) & futex::OWNER_DIED != 0;
        loop {
            match futex::lock_pi(&self.0, futex::Flags::PRIVATE, None) {
                // The kernel gives a waiter what an ended thread held. Its guard was leaked, and what that gave access to
                // may be in use: so nobody gets the lock any more, and it stays this thread's.
                Ok(()) | Err(Errno::DEADLK) if owner_has_ended() => panic!("{ENDED}"),
                Ok(()) => break,
                // The owner is about to end, and the kernel has not let go of the lock for it yet; or it was interrupted.
                Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
                Err(Errno::DEADLK) => panic!("this thread holds the lock already"),
                Err(Errno::SRCH) => panic!("{ENDED}"),
                Err(errno) => panic!("the kernel gives no lock with priority inheritance: {errno}"),
            }
        }
        // Acquire: pairs with the Release in `unlock`; the kernel has handed the word over.
        fence(Acquire);
    }
}

// SAFETY: whoever has a guard is the owner by the word, and so alone: a thread sets it from 0 to itself by a
// compare-exchange, or the kernel to one that it has let return from `lock_pi`; only the owner clears it, or has the kernel
// hand it over. The guard stays on its thread, which the word names. A panicking `lock` gives no guard, and a lock whose
// owner has ended, with the guard leaked, is never had again.
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
    /// Somebody waits: the kernel gives the lock to the most urgent.
    #[cold]
    fn hand_over(&self) {
        // Release: pairs with the Acquire in `wait`.
        fence(Release);
        // The caller is the owner, so there is nothing to fail.
        let _ = futex::unlock_pi(&self.0, futex::Flags::PRIVATE);
    }
}
