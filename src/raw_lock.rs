//! The lock word of the interrupt lock.
//!
//! # The word
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | 3… | owner | the acquirer, with its own identity, when they are zero | the owner, as it releases |
//! | 1 | `PENDING` | a delivery (or the end) that must not wait, while there is an owner | an owner, before it serves it |
//! | 0 | `PARKED` | a waiter, before it sleeps | the last waiter to leave the queue, with the queue locked |
//!
//! The owner *is* the lock bit, so that a recursive acquire is known in the slow path and costs the fast one nothing.
//!
//! # Why nothing is lost
//!
//! - **A wake-up.** A waiter sets `PARKED` by a compare-exchange that fails if the owner has gone, and looks at the word
//!   again with the queue locked. The owner's release is a read-modify-write too: it finds `PARKED`, or the waiter's
//!   finds no owner. A releaser that found it wakes one waiter with the queue locked, so either that waiter was asleep
//!   already, or it looks at the word after the release. The tempting race, a thread that barges in between release and
//!   wake-up, is harmless: `PARKED` stays set for as long as anybody is queued, so the barger's release wakes the next.
//! - **A pending delivery.** `PENDING` is set only while there is an owner, by a compare-exchange, so a release finds it.
//!   That release takes the lock back and serves it; if another thread was faster, the bit is in the word that it took,
//!   and its own release finds it.
//! - **A waiter whose time runs out.** The parking lot answers either "woken" or "timed out", never both, and the woken
//!   one tries again whatever the time is. A waiter that gives up leaves `PARKED` to those who stay.

use core::marker::PhantomData;
use core::panic::Location;

use lock_api::{GuardNoSend, RawMutex};

use crate::sync::{self, AtomicUsize, Backoff, Borrow, Origin, Parked, Parker, Witness, const_outside_models};
use sync::Ordering::{Acquire, Relaxed, Release};

/// Waiters are queued, or about to be.
const PARKED: usize = 1;
/// Something waits to be served by the owner as it releases.
const PENDING: usize = 1 << 1;
/// Everything above is the owner's identity.
const FLAGS: usize = 0b111;

/// The raw lock: `lock_api`'s generics work over it.
///
/// It is what [`InterruptLock`](crate::InterruptLock) is made of, for those who want another wrapper around it. It is
/// a mutex for threads: acquiring parks the thread. It knows its owner, so acquiring it twice on one thread panics and
/// says where it was taken, instead of hanging.
///
/// # Panics
///
/// [`lock`](RawMutex::lock) panics if the calling thread holds the lock already.
///
/// # Examples
///
/// ```
/// type Mutex<T> = lock_api::Mutex<interrupt_lock::RawInterruptLock, T>;
///
/// static COUNT: Mutex<u32> = Mutex::new(0);
/// *COUNT.lock() += 1;
/// assert_eq!(*COUNT.lock(), 1);
/// ```
pub struct RawInterruptLock {
    word: AtomicUsize,
    taken_at: Origin,
    parker: Parker,
    witness: Witness,
}

/// One acquisition of a [`RawInterruptLock`], as `lock_api`'s guards carry it. It belongs to the acquiring thread.
///
/// ```
/// use lock_api::RawMutex;
///
/// let lock = interrupt_lock::RawInterruptLock::INIT;
/// let acquisition = lock.lock();
/// // SAFETY: this is the acquisition's own state, and it is released once.
/// unsafe { lock.unlock(acquisition) };
/// assert!(!lock.is_locked());
/// ```
pub struct Acquisition {
    /// Ends before the release, so that a model sees a section that outlives it.
    _borrow: Borrow,
    /// The word names the acquiring thread, so no other may release (rule L5).
    _thread: PhantomData<GuardNoSend>,
}

impl Acquisition {
    /// Ends the section's borrow. The lock is still held.
    pub(crate) fn end(self) {}
}

/// Why an acquisition was not had.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotAcquired {
    /// The calling thread holds the lock.
    Recursive(Option<&'static Location<'static>>),
    /// The deadline passed.
    TimedOut,
}

/// What became of a delivery.
pub(crate) enum Entry {
    /// It holds the lock.
    Acquired(Acquisition),
    /// The owner serves it as it releases.
    Pending,
}

/// What is pending has to be served before the release; the lock is still held.
pub(crate) struct Pending;

impl RawInterruptLock {
    const_outside_models! {
        /// A free lock.
        ///
        /// ```
        /// use lock_api::RawMutex;
        /// assert!(!interrupt_lock::RawInterruptLock::new().is_locked());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self {
                word: AtomicUsize::new(0),
                taken_at: Origin::new(),
                parker: Parker::new(),
                witness: Witness::new(),
            }
        }
    }

    /// Waits until the caller holds the lock, or `deadline` has passed.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(&self, deadline: Option<sync::Instant>) -> Result<Acquisition, NotAcquired> {
        let me = sync::this_thread();
        let at = Location::caller();
        match self.take(0, me, at) {
            Ok(acquisition) => Ok(acquisition),
            Err(_) => self.acquire_slow(me, deadline, at),
        }
    }

    /// Takes the lock if it is free. Never waits.
    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(&self) -> Option<Acquisition> {
        let me = sync::this_thread();
        // Relaxed: only a hint; `take` decides.
        let mut word = self.word.load(Relaxed);
        while word & !FLAGS == 0 {
            match self.take(word, me, Location::caller()) {
                Ok(acquisition) => return Some(acquisition),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Takes the lock for a delivery. Where the caller can't wait for the owner (or `may_wait` forbids it), it runs
    /// `announce` and tells the owner to serve the delivery.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(&self, may_wait: bool, announce: impl FnOnce()) -> Entry {
        let me = sync::this_thread();
        let at = Location::caller();
        match self.take(0, me, at) {
            Ok(acquisition) => Entry::Acquired(acquisition),
            Err(word) => self.enter_slow(me, word, at, may_wait, announce),
        }
    }

    #[cold]
    fn enter_slow(
        &self,
        me: usize,
        mut word: usize,
        at: &'static Location<'static>,
        may_wait: bool,
        announce: impl FnOnce(),
    ) -> Entry {
        let mut announce = Some(announce);
        loop {
            let owner = word & !FLAGS;
            let step = if owner == 0 {
                match self.take(word, me, at) {
                    Ok(acquisition) => return Entry::Acquired(acquisition),
                    Err(now) => Err(now),
                }
            } else if owner == me || !may_wait {
                if let Some(announce) = announce.take() {
                    announce();
                }
                self.leave_word(word)
            } else {
                return match self.acquire_slow(me, None, at) {
                    Ok(acquisition) => Entry::Acquired(acquisition),
                    // Another owner was seen above, and without a deadline there is no other answer.
                    Err(_) => unreachable!("a lock that another thread held can't be this thread's"),
                };
            };
            match step {
                Ok(_) => return Entry::Pending,
                Err(now) => word = now,
            }
        }
    }

    /// Has the owner, whoever it is, look for something to serve as it releases; `false` if there is none.
    pub(crate) fn remind_owner(&self) -> bool {
        // Relaxed: a first guess for the compare-exchange.
        let mut word = self.word.load(Relaxed);
        while word & !FLAGS != 0 {
            match self.leave_word(word) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Leaves word for the owner that `word` names; fails if it has gone.
    fn leave_word(&self, word: usize) -> Result<usize, usize> {
        // Release: the owner serves what the caller published before this; pairs with the Acquire in `take_pending`.
        self.word.compare_exchange(word, word | PENDING, Release, Relaxed)
    }

    /// From `word`, which has no owner, to the caller's.
    #[inline(always)]
    fn take(&self, word: usize, me: usize, at: &'static Location<'static>) -> Result<Acquisition, usize> {
        // Before the word: an ISR between the two would find the lock held by what it interrupted.
        sync::mask();
        // Acquire: pairs with the Release in `release`, so this section sees what the one before it did.
        match self.word.compare_exchange(word, word | me, Acquire, Relaxed) {
            Ok(_) => {
                self.taken_at.set(at);
                Ok(Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData })
            }
            Err(now) => {
                sync::unmask();
                Err(now)
            }
        }
    }

    #[cold]
    fn acquire_slow(
        &self,
        me: usize,
        deadline: Option<sync::Instant>,
        at: &'static Location<'static>,
    ) -> Result<Acquisition, NotAcquired> {
        let mut backoff = Backoff::new();
        // Relaxed, here and below: every decision is made by a compare-exchange.
        let mut word = self.word.load(Relaxed);
        loop {
            let owner = word & !FLAGS;
            if owner == me {
                return Err(NotAcquired::Recursive(self.taken_at.get()));
            }
            if owner == 0 {
                match self.take(word, me, at) {
                    Ok(acquisition) => return Ok(acquisition),
                    Err(now) => word = now,
                }
                continue;
            }
            if word & PARKED == 0 {
                // With nobody queued the section may be short: look a few times before the expensive sleep.
                if !backoff.is_completed() {
                    backoff.snooze();
                    word = self.word.load(Relaxed);
                    continue;
                }
                // Relaxed: publishes nothing; that it fails once the owner has gone is what matters.
                if let Err(now) = self.word.compare_exchange(word, word | PARKED, Relaxed, Relaxed) {
                    word = now;
                    continue;
                }
            }
            let parked = self.parker.park(
                &self.word,
                || {
                    // Relaxed: the queue's own lock orders this after the wake-up of any release that it could miss.
                    // (`PARKED` alone says that a wake-up is to come; the owner only saves a needless sleep.)
                    let word = self.word.load(Relaxed);
                    word & !FLAGS != 0 && word & PARKED != 0
                },
                |last| {
                    if last {
                        // Relaxed: with the queue locked, nobody else changes this bit.
                        self.word.fetch_and(!PARKED, Relaxed);
                    }
                },
                deadline,
            );
            if parked == Parked::TimedOut {
                return Err(NotAcquired::TimedOut);
            }
            // Woken, or there was nothing to wait for: try once more, whatever the time is.
            backoff = Backoff::new();
            word = self.word.load(Relaxed);
        }
    }

    /// Takes note of what is pending. Only the owner calls it, and serves it next.
    pub(crate) fn take_pending(&self) {
        // Acquire: pairs with the Release of whoever set the bit, so that what it left is seen, and with that of whoever
        // had the lock before it was taken back.
        self.word.fetch_and(!PENDING, Acquire);
    }

    /// Ends the caller's section, unless something is pending that nobody else came to serve: then the caller still holds
    /// the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and has ended the section's borrow ([`Acquisition`]). After `Ok` it must not touch
    /// what the lock protects.
    #[inline]
    pub(crate) unsafe fn release(&self) -> Result<(), Pending> {
        let me = sync::this_thread();
        // Release: pairs with the Acquire in `take` and in `take_pending`. Subtracting leaves the flags, and costs less than a
        // compare-exchange.
        let word = self.word.fetch_sub(me, Release);
        if word == me {
            sync::unmask();
            return Ok(());
        }
        self.release_slow(me, word - me)
    }

    #[cold]
    fn release_slow(&self, me: usize, flags: usize) -> Result<(), Pending> {
        if flags & PENDING != 0 && self.take_back(me) {
            return Err(Pending);
        }
        sync::unmask();
        if flags & PARKED != 0 {
            // The word is still there: the caller's borrow of the lock lasts until this function returns.
            self.parker.wake_one(&self.word, |more| {
                if !more {
                    // Relaxed: with the queue locked, nobody else changes this bit.
                    self.word.fetch_and(!PARKED, Relaxed);
                }
            });
        }
        Ok(())
    }

    /// Takes a lock that was released with something pending back, to serve it; `false` if another owner was faster, who
    /// finds the bit too.
    fn take_back(&self, me: usize) -> bool {
        // Relaxed: a first guess for the compare-exchange.
        let mut word = self.word.load(Relaxed);
        while word & !FLAGS == 0 && word & PENDING != 0 {
            // Relaxed: `take_pending`, which comes next, sees what others did who had the lock meanwhile.
            match self.word.compare_exchange(word, word | me, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Resumes a section that [`release`](Self::release) refused to end.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, without a borrow.
    pub(crate) unsafe fn resume(&self) -> Acquisition {
        Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData }
    }

    /// Who holds the lock; 0 for nobody.
    pub(crate) fn owner(&self) -> usize {
        // Relaxed: exact where it is the caller itself, which wrote it; a snapshot otherwise.
        self.word.load(Relaxed) & !FLAGS
    }

    /// Whether the calling thread holds the lock.
    pub(crate) fn is_mine(&self) -> bool {
        self.owner() == sync::this_thread()
    }

    /// Lets the deadline of every timed waiter pass.
    #[cfg(all(loom, test))]
    pub(crate) fn expire_waiters(&self) {
        self.parker.expire();
    }
}

#[cold]
#[track_caller]
fn recursion(taken_at: Option<&'static Location<'static>>) -> ! {
    match taken_at {
        Some(at) => panic!("this thread holds the lock already, taken at {at}"),
        None => panic!("this thread holds the lock already"),
    }
}

// SAFETY: the owner bits of one word are the lock: `take` sets them by a compare-exchange from zero with Acquire, only
// the owner clears them, with Release. A panicking `lock` holds nothing: it panics before it takes. The word is plain
// data, so a lock may be moved or dropped while it is held.
unsafe impl RawMutex for RawInterruptLock {
    #[cfg(not(loom))]
    const INIT: Self = Self::new();
    // Loom's atomics can't be made in a constant: in a model, `Mutex::from_raw(RawInterruptLock::new(), …)`.
    #[cfg(loom)]
    const INIT: Self = panic!("under loom, make the lock with Mutex::from_raw(RawInterruptLock::new(), …)");

    type Guard = Acquisition;

    #[inline]
    #[track_caller]
    fn lock(&self) -> Acquisition {
        match self.acquire(None) {
            Ok(acquisition) => acquisition,
            Err(NotAcquired::Recursive(at)) => recursion(at),
            Err(NotAcquired::TimedOut) => unreachable!("no deadline was given"),
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> Option<Acquisition> {
        self.try_acquire()
    }

    #[inline]
    unsafe fn unlock(&self, acquisition: Acquisition) {
        acquisition.end();
        loop {
            // SAFETY: the caller holds the lock, and its borrow ended with the acquisition.
            if unsafe { self.release() }.is_ok() {
                return;
            }
            // Only an interrupt leaves something pending, and its own guards serve it; through this trait nothing can.
            self.take_pending();
        }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.owner() != 0
    }
}

/// Acquisition with a time-out or a deadline (rule L8). A waiter that is woken as its time runs out tries once more.
#[cfg(feature = "std")]
mod timed {
    use std::time::{Duration, Instant};

    use lock_api::RawMutexTimed;

    use super::*;

    // SAFETY: the timed forms take the lock through `acquire`, as `lock` does.
    unsafe impl RawMutexTimed for RawInterruptLock {
        type Duration = Duration;
        type Instant = Instant;

        #[track_caller]
        fn try_lock_for(&self, timeout: Duration) -> Option<Acquisition> {
            // A time-out beyond what the clock can say is no time-out.
            self.acquire(Instant::now().checked_add(timeout)).ok()
        }

        #[track_caller]
        fn try_lock_until(&self, deadline: Instant) -> Option<Acquisition> {
            self.acquire(Some(deadline)).ok()
        }
    }
}

impl Default for RawInterruptLock {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for RawInterruptLock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Relaxed: one snapshot, for people.
        let word = self.word.load(Relaxed);
        f.debug_struct("RawInterruptLock")
            .field("locked", &(word & !FLAGS != 0))
            .field("waiters", &(word & PARKED != 0))
            .field("pending", &(word & PENDING != 0))
            .finish()
    }
}
