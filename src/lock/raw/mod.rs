//! The raw lock: two words, and a release without a read-modify-write.
//!
//! | file | holds |
//! |---|---|
//! | this one | the two fast paths, and `lock_api`'s traits |
//! | `wait` | what a thread or a delivery does that finds the lock held |
//! | `announced` | the layout of the announce word |
//!
//! # The words
//!
//! The **owner** word is the identity of the thread that holds the lock, or zero. So the owner *is* the lock bit, and a
//! recursive acquire is known in the slow path and costs the fast one nothing. The **announce** word is what others want
//! the owner to know: threads sleep, a delivery waits, something was left pending.
//!
//! Acquire: exchange the owner word, then read the announce word. Release: store zero, then read the announce word.
//! Whoever announces something writes the announce word, then reads the owner word. Each side writes one word and then
//! reads the other, so a barrier between the two is needed on both, or both might miss the other's write. The two sides
//! share its cost unequally: the owner's is [`light`](sync::light_barrier) (for the compiler alone, where the system
//! helps), the announcer's is [`heavy`](sync::heavy_barrier), and only who is about to wait pays it.
//!
//! # Why nothing is lost
//!
//! - **A wake-up.** A thread announces `PARKED`, passes the heavy barrier, and looks at the owner word again with the queue
//!   locked before it sleeps. Either the release reads `PARKED`, or the thread reads that there is no owner. A releaser
//!   that read it wakes one thread with the queue locked, so either that one was asleep already, or it looks at the owner
//!   after the release. The tempting race, a thread that barges in between release and wake-up, is harmless: `PARKED`
//!   stays set for as long as anybody is queued, so the barger's release wakes the next.
//! - **A delivery's turn** (rule L7). A delivery that waits draws a ticket, passes a barrier for exchanges (where an exchange
//!   is a full barrier by itself, nothing), and from then on a thread that exchanges the owner word reads the ticket and
//!   steps aside. So at most the section that runs at that moment comes first: the word may be free for an instant, but
//!   only the delivery whose turn it is keeps it. Before it sleeps it passes the heavy barrier, as a thread does. Its own
//!   release wakes the next ticket, then the threads.
//! - **A pending delivery.** `LEFT` is set by who has seen an owner, and who looks again after the heavy barrier. Either
//!   that owner's release reads it, takes the lock back and serves it; or another was faster to take the lock, who reads
//!   it as it acquires and serves it before its own section; or there is no owner, and the delivery serves itself.
//! - **A waiter whose time runs out.** The parking lot answers either "woken" or "timed out", never both, and the woken
//!   one tries again whatever the time is. A waiter that gives up leaves `PARKED` to those who stay.
//!
//! # What a release touches
//!
//! After the store that frees the lock, the release still reads the announce word, and may wake by its address. The guard
//! borrows the lock until its drop returns, so the word is there. Who uses the raw lock through `unsafe` code must keep
//! it alive likewise: the next owner may not free it as soon as it has the lock, as it could where the release's last
//! access is the one that frees it.

mod announced;
mod awaited;
mod wait;

use core::marker::PhantomData;
use core::panic::Location;

use lock_api::{GuardNoSend, RawMutex};

use crate::sync;
use crate::sync::{AtomicUsize, Borrow, Origin, Parker, Witness, const_outside_models};
use announced::{Announced, LEFT};
pub(crate) use awaited::Awaited;
use sync::Ordering::{Acquire, Relaxed, Release};

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
    owner: AtomicUsize,
    announced: AtomicUsize,
    taken_at: Origin,
    /// Where threads sleep.
    threads: Parker,
    /// Where deliveries sleep.
    deliveries: Parker,
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
    /// Somebody holds the lock, or a delivery comes first.
    Held,
    /// The calling thread holds the lock.
    Recursive(Option<&'static Location<'static>>),
    /// The deadline passed.
    TimedOut,
    /// The caller has the lock, but has to serve what was left to the owner and release it, before it tries again.
    ServeFirst,
}

/// What became of a delivery.
pub(crate) enum Admission {
    /// It holds the lock.
    Acquired(Acquisition),
    /// The owner serves it as it releases.
    LeftToOwner,
}

/// A release was refused: what was left to the owner has to be served first; the caller still holds the lock.
pub(crate) struct StillHeld;

/// Who acquires.
#[derive(Clone, Copy)]
struct Caller {
    me: usize,
    at: &'static Location<'static>,
}

impl Caller {
    #[inline(always)]
    #[track_caller]
    fn here() -> Self {
        Self { me: sync::this_thread(), at: Location::caller() }
    }
}

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
                owner: AtomicUsize::new(0),
                announced: AtomicUsize::new(0),
                taken_at: Origin::new(),
                threads: Parker::new(),
                deliveries: Parker::new(),
                witness: Witness::new(),
            }
        }
    }

    /// Waits until the caller holds the lock, or `deadline` has passed. After [`NotAcquired::ServeFirst`] it has to be
    /// called again.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(&self, deadline: Option<sync::Instant>) -> Result<Acquisition, NotAcquired> {
        match self.acquire_at_once() {
            Err(NotAcquired::Held) => self.wait(deadline),
            answer => answer,
        }
    }

    /// The fast part of [`acquire`](Self::acquire).
    #[inline]
    #[track_caller]
    pub(crate) fn acquire_at_once(&self) -> Result<Acquisition, NotAcquired> {
        self.take(Caller::here(), Announced::precedes_threads)
    }

    /// The slow one.
    #[track_caller]
    pub(crate) fn wait(&self, deadline: Option<sync::Instant>) -> Result<Acquisition, NotAcquired> {
        self.wait_as_thread(Caller::here(), deadline)
    }

    /// Takes the lock if it is free. Never waits.
    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(&self) -> Result<Acquisition, NotAcquired> {
        // Relaxed: only a hint, to leave a held lock's cache line alone; `take` decides.
        if self.owner.load(Relaxed) != 0 {
            return Err(NotAcquired::Held);
        }
        self.take(Caller::here(), Announced::precedes_threads)
    }

    /// Takes the lock for a delivery, if it is free and no other delivery waits. If not: [`deliver_slow`](Self::deliver_slow).
    /// (Also for a thread that has served so much that what is still pending may wait for its section.)
    #[inline]
    #[track_caller]
    pub(crate) fn deliver_at_once(&self) -> Result<Acquisition, NotAcquired> {
        self.take(Caller::here(), Announced::precedes_deliveries)
    }

    /// Takes the lock if it is free, and nothing announced `precedes` the caller.
    #[inline(always)]
    fn take(&self, caller: Caller, precedes: impl FnOnce(Announced) -> bool) -> Result<Acquisition, NotAcquired> {
        if !self.exchange_owner(caller.me) {
            return Err(NotAcquired::Held);
        }
        sync::light_barrier_after_exchange();
        // Relaxed: the barriers order it; see the top of this file.
        let announced = Announced(self.announced.load(Relaxed));
        if precedes(announced) {
            return Err(self.step_aside(announced));
        }
        Ok(self.begin(caller))
    }

    /// From no owner to `me`.
    #[inline(always)]
    fn exchange_owner(&self, me: usize) -> bool {
        // Before the word: an ISR between the two would find the lock held by what it interrupted.
        sync::mask();
        // Acquire: pairs with the Release in `free`, so this section sees what the one before it did.
        let taken = self.owner.compare_exchange(0, me, Acquire, Relaxed).is_ok();
        if !taken {
            sync::unmask();
        }
        taken
    }

    /// The caller's section begins; it has exchanged the owner word.
    #[inline(always)]
    fn begin(&self, caller: Caller) -> Acquisition {
        self.taken_at.set(caller.at);
        Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData }
    }

    /// Ends the caller's section, unless something is pending that nobody else came to serve: then the caller still holds
    /// the lock.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and has ended the section's borrow ([`Acquisition`]). After `Ok` it must not touch
    /// what the lock protects.
    #[inline]
    pub(crate) unsafe fn release(&self) -> Result<(), StillHeld> {
        let announced = self.free();
        if announced.is_empty() {
            sync::unmask();
            return Ok(());
        }
        self.release_slow(announced)
    }

    /// From the caller to no owner; what is announced after that.
    #[inline(always)]
    fn free(&self) -> Announced {
        // Release: pairs with the Acquire in `exchange_owner`.
        self.owner.store(0, Release);
        sync::light_barrier();
        // Relaxed: the barriers order it; see the top of this file.
        Announced(self.announced.load(Relaxed))
    }

    /// Takes note of what is pending. Only the owner calls it, and serves it next; `false` if somebody has served it
    /// meanwhile.
    pub(crate) fn take_left(&self) -> bool {
        // Acquire: pairs with the Release in `note_left`, so that what was left is seen.
        Announced(self.announced.fetch_and(!LEFT, Acquire)).has_left()
    }

    /// Resumes a section that [`release`](Self::release) refused to end, or begins one that [`NotAcquired::ServeFirst`] put
    /// off.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, without a borrow.
    pub(crate) unsafe fn resume(&self) -> Acquisition {
        Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData }
    }

    /// Whether something is left for who takes the lock next.
    #[cfg(feature = "std")]
    pub(crate) fn has_left(&self) -> bool {
        // Relaxed: whoever is asked to look was asked after the word had been left.
        Announced(self.announced.load(Relaxed)).has_left()
    }

    /// Who holds the lock; 0 for nobody.
    pub(crate) fn owner(&self) -> usize {
        // Relaxed: exact where it is the caller itself, which wrote it; a snapshot otherwise.
        self.owner.load(Relaxed)
    }

    /// The lock as something that a thread may wait for.
    pub(crate) fn awaited(&self) -> Awaited<'_> {
        Awaited(&self.owner)
    }

    /// Whether the calling thread holds the lock.
    pub(crate) fn is_mine(&self) -> bool {
        self.owner() == sync::this_thread()
    }

    /// Releases for who can't serve: only an interrupt leaves something pending, and its own guards serve it.
    fn release_unserving(&self) {
        // SAFETY: the callers hold the lock and have ended their borrow.
        while unsafe { self.release() }.is_err() {
            let _ = self.take_left();
        }
    }
}

/// What the models need to see and do.
#[cfg(all(loom, test))]
mod model {
    use super::announced::Ticket;
    use super::*;

    impl RawInterruptLock {
        /// A delivery takes the lock.
        pub(crate) fn enter(&self, may_wait: bool, announce: impl FnOnce()) -> Admission {
            match self.deliver_at_once() {
                Ok(acquisition) => Admission::Acquired(acquisition),
                Err(_) => self.deliver_slow(may_wait, announce),
            }
        }

        /// Lets the deadline of every timed waiter pass.
        pub(crate) fn expire_waiters(&self) {
            self.threads.expire();
        }

        pub(crate) fn deliver_in_turn(&self, ticket: Ticket) -> Acquisition {
            self.wait_for_turn(Caller::here(), ticket)
        }

        pub(crate) fn delivery_waits(&self) -> bool {
            Announced(self.announced.load(Relaxed)).deliveries_wait()
        }
    }

    impl Ticket {
        pub(crate) fn comes_before(self, other: Self) -> bool {
            self.0 < other.0
        }
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

// SAFETY: the owner word is the lock: `exchange_owner` sets it by a compare-exchange from zero with Acquire, only the
// owner clears it, with Release. A panicking `lock` holds nothing: it panics before it takes. The words are plain data,
// so a lock may be moved or dropped while it is held.
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
        loop {
            match self.acquire(None) {
                Ok(acquisition) => return acquisition,
                Err(NotAcquired::Recursive(at)) => recursion(at),
                Err(NotAcquired::ServeFirst) => self.release_unserving(),
                Err(NotAcquired::Held | NotAcquired::TimedOut) => {}
            }
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> Option<Acquisition> {
        loop {
            match self.try_acquire() {
                Ok(acquisition) => return Some(acquisition),
                Err(NotAcquired::ServeFirst) => self.release_unserving(),
                Err(_) => return None,
            }
        }
    }

    #[inline]
    unsafe fn unlock(&self, acquisition: Acquisition) {
        acquisition.end();
        self.release_unserving();
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
        // Relaxed: a snapshot, for people.
        let announced = Announced(self.announced.load(Relaxed));
        f.debug_struct("RawInterruptLock")
            .field("locked", &(self.owner() != 0))
            .field("waiters", &announced.is_parked())
            .field("deliveries", &announced.deliveries_wait())
            .field("pending", &announced.has_left())
            .finish()
    }
}
