//! The raw lock of an interrupt: a mutex for threads in which deliveries go first (rule L7).
//!
//! Without contention, acquiring is one exchange, and releasing is one plain store: no read-modify-write. All the rest
//! is in the slow paths.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the two fast paths | L2, L10 |
//! | `lock_api_traits` | the lock as `lock_api` knows raw locks | L8 |
//! | `wait` | the slow paths: waiting, leaving something to the owner, a release that has more to do | L4, L7, L8 |
//! | `look` | a look at the lock, for people | |
//! | `announced` | the bits of the announce word | L7 |
//!
//! # The two words
//!
//! - The **owner word** is the identity of the thread that holds the lock, or zero. (A bit says whether it is a delivery.) So
//!   it is the lock bit, and it also tells a thread that it holds the lock already. Only the slow path asks that: it costs
//!   the fast path nothing.
//! - The **announce word** tells the owner what others want of it. Threads sleep (`PARKED`). Deliveries wait, each with
//!   a *ticket*. Or something is *left to the owner* (`LEFT`): a delivery that must not wait, a deferred closure, an
//!   end.
//!
//! # The barriers
//!
//! | step | writes | passes | then reads |
//! |---|---|---|---|
//! | acquire | the owner word: from zero to the caller | the light barrier | the announce word |
//! | release | the owner word: zero | the light barrier | the announce word |
//! | announce | the announce word | the heavy barrier | the owner word |
//!
//! An owner and an announcer each write one word and then read the other. Without a barrier in between, on both sides,
//! each might miss what the other wrote. With both barriers, at least one of them sees it.
//!
//! The barriers do not cost the same. The owner passes the [light](sync::light_barrier) one: where the system helps, it
//! binds the compiler alone. The announcer passes the [heavy](sync::heavy_barrier) one, which then makes every other
//! thread pass a barrier too. Only a caller that finds the lock held pays for that.
//!
//! # Why nothing is lost
//!
//! - **A thread's wake-up.** A thread sets `PARKED` and passes the heavy barrier. Then it locks the queue, reads the
//!   owner word again, and sleeps if the lock is still held. So either the release reads `PARKED`, or the thread reads
//!   that the lock is free. A release that has read `PARKED` wakes one thread with the queue locked. Either that thread
//!   was asleep already, or it reads the owner word after the release.
//!
//!   There is a tempting race: a third thread takes the lock between the release and the wake-up. It is harmless.
//!   `PARKED` stays set for as long as a thread is in the queue, so the third thread's release wakes the next.
//! - **A delivery's turn** (rule L7). A delivery that waits draws a ticket and passes a barrier for exchanges. (Where
//!   an exchange is a full barrier by itself, that barrier is nothing.) From then on, a thread that exchanges the owner
//!   word reads that a delivery waits, and steps aside: it frees the lock again. So at most the section that runs at
//!   that moment comes before the delivery. The owner word may be zero for an instant, but only the delivery whose turn
//!   it is keeps the lock. Before the delivery sleeps, it passes the heavy barrier, as a thread does. Its own release
//!   wakes the delivery with the next ticket; if there is none, it wakes a thread. (After 64 deliveries without a pause
//!   it wakes a thread as well. A thread that has been woken in vain several times draws a ticket itself.)
//! - **What is left to the owner.** A caller that must not wait and has seen an owner sets `LEFT`, passes the heavy
//!   barrier, and reads the owner word again. Then one of three things is true:
//!   1. The owner's release reads `LEFT`, takes the lock back, and serves what was left.
//!   2. Another caller was faster to take the lock. A thread reads `LEFT` as it acquires, and serves before its own
//!      section. A delivery serves at its release.
//!   3. There is no owner any more. Then the caller itself takes the lock and serves.
//! - **A waiter whose time runs out.** The parking lot reports "woken" or "timed out", never both. A waiter that was
//!   woken tries again, even if its time has run out. A waiter that gives up leaves `PARKED` set for those that stay.
//!
//! # What a release touches
//!
//! A release reads the announce word after the store that frees the lock, and it may wake a thread by the address of a
//! word. A guard borrows the lock until its drop has returned, so the words are still there. Unsafe callers must keep
//! the lock alive until `unlock` returns: the next owner must not free the lock's memory before that. (With a lock
//! whose release ends with the access that frees it, the next owner could.)

mod announced;
mod lock_api_traits;
mod look;
mod wait;

use core::marker::PhantomData;
use core::panic::Location;

use lock_api::GuardNoSend;

use crate::circle::Circle;
use crate::lock::by_delivery::By;
use crate::lock::waits::{Awaited, Label};
use crate::sync;
use crate::sync::{AtomicUsize, Borrow, Found, Kept, Origin, Parker, Witness, const_outside_models};
use announced::{Announced, LEFT};
pub(crate) use lock_api_traits::{lock_until, stop_masking};
pub(crate) use look::{Look, look_at};
use sync::Ordering::{Acquire, Relaxed, Release};

/// The mutex without data of which an [`InterruptLock`](crate::InterruptLock) is made, for code that wants another
/// wrapper around it: `lock_api`'s generics work over it.
///
/// Acquiring parks the calling thread until the lock is free; on bare metal it spins. The lock knows its owner: a
/// thread that acquires it twice panics, instead of hanging. So does a thread whose wait would close a circle.
///
/// Unsafe callers must keep the lock alive until [`unlock`](lock_api::RawMutex::unlock) returns: `unlock` still reads
/// it after freeing it.
///
/// # Panics
///
/// [`lock`](lock_api::RawMutex::lock) panics if the calling thread holds the lock already, or holds what the owner of
/// the lock waits for (rules [L4](crate::guide::contract#l4), [L13](crate::guide::contract#l13)). The message names the
/// places that took what it is about.
///
/// # Examples
///
/// ```
/// struct Counters { received: u32 }
///
/// type Mutex<T> = lock_api::Mutex<interrupt_lock::RawInterruptLock, T>;
/// static COUNTERS: Mutex<Counters> = Mutex::new(Counters { received: 0 });
///
/// COUNTERS.lock().received += 1;
/// assert_eq!(COUNTERS.lock().received, 1);
/// ```
pub struct RawInterruptLock {
    owner: AtomicUsize,
    announced: AtomicUsize,
    taken_at: Origin,
    /// What the owner's mask has found. The release unmasks just that (rule L10).
    found: Kept,
    /// Where threads sleep.
    threads: Parker,
    /// Where deliveries sleep.
    deliveries: Parker,
    witness: Witness,
}

/// The state of one acquisition of a [`RawInterruptLock`], which `lock_api`'s guards carry from `lock` to `unlock`.
///
/// It can't leave the thread that acquired the lock ([rule L5](crate::guide::contract#l5)).
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
    /// Must end before the release: a model sees a section that outlives its release by this.
    _borrow: Borrow,
    /// The owner word names the acquiring thread, so no other thread may release ([rule
    /// L5](crate::guide::contract#l5)).
    _thread: PhantomData<GuardNoSend>,
}

impl Acquisition {
    /// Ends the section's borrow. The caller still holds the lock.
    pub(crate) fn end(self) {}
}

/// Why the caller's section can't begin at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// Another thread holds the lock, or a delivery that waits comes first.
    Held,
    /// The caller holds the lock, but not for its section: it has to serve what is left to the owner, release the lock,
    /// and try again.
    ServeFirst,
}

/// How a wait has ended without the lock.
#[derive(Debug)]
pub(crate) enum NotAcquired {
    /// The calling thread holds the lock already. It was taken at this place, if that is known.
    Recursive(Option<&'static Location<'static>>),
    /// The deadline passed.
    TimedOut,
    /// The wait would never end.
    Circle(Circle),
    /// Another thread has called the wait off. It was one of an end.
    CalledOff,
    /// As [`Refused::ServeFirst`].
    ServeFirst,
}

/// What became of a delivery.
pub(crate) enum Admission {
    /// It holds the lock.
    Acquired(Acquisition),
    /// The owner serves it as it releases.
    LeftToOwner,
}

/// A release did not free the lock: the caller still holds it, and has to serve what is left to the owner first.
pub(crate) struct StillHeld;

/// A release that has freed the lock, and has found something announced.
pub(super) struct Unfinished {
    announced: Announced,
    by: By,
}

/// The place in the code of the thread that acquires.
type Place = &'static Location<'static>;

impl RawInterruptLock {
    const_outside_models! {
        /// Returns a free lock.
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
                found: Kept::new(),
                threads: Parker::new(),
                deliveries: Parker::new(),
                witness: Witness::new(),
            }
        }
    }

    /// Waits until the caller's section can begin, or until `deadline`. `label` says whose lock it is.
    ///
    /// After [`NotAcquired::ServeFirst`] the caller serves, releases, and calls again.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire(
        &self,
        deadline: Option<sync::Instant>,
        label: Label<'_>,
    ) -> Result<Acquisition, NotAcquired> {
        match self.acquire_at_once() {
            Ok(acquisition) => Ok(acquisition),
            Err(Refused::ServeFirst) => Err(NotAcquired::ServeFirst),
            Err(Refused::Held) => self.wait(deadline, label),
        }
    }

    /// The fast path of [`acquire`](Self::acquire): takes the lock if it is free and nothing comes before a thread.
    #[inline]
    #[track_caller]
    pub(crate) fn acquire_at_once(&self) -> Result<Acquisition, Refused> {
        self.take(Some(Location::caller()), Announced::precedes_threads)
    }

    /// The slow path of [`acquire`](Self::acquire).
    #[track_caller]
    pub(crate) fn wait(&self, deadline: Option<sync::Instant>, label: Label<'_>) -> Result<Acquisition, NotAcquired> {
        self.wait_as_thread(Location::caller(), deadline, label)
    }

    /// Takes the lock if it is free and nothing comes before a thread. Never waits.
    #[inline]
    #[track_caller]
    pub(crate) fn try_acquire(&self) -> Result<Acquisition, Refused> {
        // Relaxed: only a hint, to leave a held lock's cache line alone; `take` decides.
        if self.owner.load(Relaxed) != 0 {
            return Err(Refused::Held);
        }
        self.take(Some(Location::caller()), Announced::precedes_threads)
    }

    /// Takes the lock for a delivery, if it is free and no other delivery waits. If that fails, the caller calls
    /// [`deliver_slow`](Self::deliver_slow).
    #[inline(always)]
    pub(crate) fn deliver_at_once(&self) -> Option<Acquisition> {
        self.take(None, Announced::precedes_deliveries).ok()
    }

    /// As [`try_acquire`](Self::try_acquire), for a thread that has run as many closures as a release may: its section comes
    /// before the closures that are still left to the owner.
    #[track_caller]
    pub(crate) fn acquire_before_left(&self) -> Result<Acquisition, Refused> {
        self.take(Some(Location::caller()), Announced::precedes_deliveries)
    }

    /// As [`try_acquire`](Self::try_acquire), in a forked child. What is left to the owner stays there.
    #[cold]
    #[track_caller]
    pub(crate) fn acquire_inherited(&self) -> Option<Acquisition> {
        self.forget_waiters();
        self.take(Some(Location::caller()), |_| false).ok()
    }

    /// Forgets all who wait: in a forked child, none of them is there. Returns what is left to the owner.
    #[cold]
    fn forget_waiters(&self) -> Announced {
        // Relaxed: the child's other threads never wait for this lock.
        Announced(self.announced.fetch_and(LEFT, Relaxed) & LEFT)
    }

    /// Takes the lock if it is free, and `precedes` says that nothing announced comes before the caller: a thread at `at`, or
    /// a delivery.
    #[inline(always)]
    fn take(&self, at: Option<Place>, precedes: impl FnOnce(Announced) -> bool) -> Result<Acquisition, Refused> {
        if !self.exchange_owner(By::at(at)) {
            return Err(Refused::Held);
        }
        sync::light_barrier_after_exchange();
        // Relaxed: the barriers order it; see the top of this file.
        let announced = Announced(self.announced.load(Relaxed));
        if precedes(announced) {
            return Err(self.step_aside(announced));
        }
        Ok(self.begin(at))
    }

    /// Exchanges the owner word from zero to the caller. Returns whether it was zero.
    #[inline(always)]
    fn exchange_owner(&self, by: By) -> bool {
        // The mask comes first. An ISR between mask and exchange would find the lock held by the code that it
        // interrupted, and a task that migrates before the exchange would enter another processor's identity.
        let found = sync::mask();
        // Acquire: pairs with the Release in `free`, so this section sees what the one before it did.
        let taken = self.owner.compare_exchange(0, sync::this_thread() | by.bit(), Acquire, Relaxed).is_ok();
        if taken {
            self.found.set(found);
        } else {
            sync::unmask(found);
        }
        taken
    }

    /// Begins the section of a caller at `at`, which has exchanged the owner word.
    #[inline(always)]
    fn begin(&self, at: Option<Place>) -> Acquisition {
        if let Some(at) = at {
            self.taken_at.set(at);
        }
        Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData }
    }

    /// Frees the lock and wakes the next waiter.
    ///
    /// Returns [`StillHeld`] if something is left to the owner and neither a waiting delivery nor a new owner serves
    /// it.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, and has ended the section's borrow ([`Acquisition`]). After `Ok` it must not touch
    /// what the lock protects.
    #[inline]
    pub(crate) unsafe fn release(&self) -> Result<(), StillHeld> {
        // SAFETY: as the caller promises.
        unsafe { self.begin_release(By::Thread) }.or_else(|unfinished| self.release_slow(unfinished))
    }

    /// The first half of [`release`](Self::release): frees the lock. Returns what is to be done, if anything is announced: the
    /// caller then has to [finish](Self::finish_release) the release. If that takes the lock back, the caller has it `by` the same
    /// right.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    #[inline]
    pub(super) unsafe fn begin_release(&self, by: By) -> Result<(), Unfinished> {
        let announced = self.free();
        if announced.is_empty() { Ok(()) } else { Err(Unfinished { announced, by }) }
    }

    /// The second half. Of an inherited lock, none of those who wait is in this process.
    pub(super) fn finish_release(&self, unfinished: Unfinished, is_inherited: bool) -> Result<(), StillHeld> {
        let announced = if is_inherited { self.forget_waiters() } else { unfinished.announced };
        self.release_slow(Unfinished { announced, ..unfinished })
    }

    /// Stores zero in the owner word, and unmasks. Returns what is announced after that.
    #[inline(always)]
    fn free(&self) -> Announced {
        // Before the store: it is the next owner's from there on.
        let found = self.found.get();
        // Release: pairs with the Acquire in `exchange_owner`.
        self.owner.store(0, Release);
        sync::unmask(found);
        // The barriers order it; see the top of this file.
        Announced(sync::load_after_light_barrier(&self.announced))
    }

    /// Clears `LEFT`. Returns whether it was set: then the caller, which is the owner, serves what was left.
    ///
    /// It is not set if an owner in between has served already.
    pub(crate) fn take_left(&self) -> bool {
        // Acquire: pairs with the Release in `note_left`, so that the owner sees what was left.
        Announced(self.announced.fetch_and(!LEFT, Acquire)).has_left()
    }

    /// Begins a section in which the caller serves: after [`StillHeld`], or after [`Refused::ServeFirst`].
    ///
    /// # Safety
    ///
    /// The caller holds the lock, without a borrow.
    pub(crate) unsafe fn resume(&self) -> Acquisition {
        Acquisition { _borrow: self.witness.borrow(), _thread: PhantomData }
    }

    /// Returns whether something is left to the owner, or to the next owner if there is none now.
    #[cfg(feature = "std")]
    pub(crate) fn has_left(&self) -> bool {
        // Relaxed: a worker that is asked to look was asked after `LEFT` had been set.
        Announced(self.announced.load(Relaxed)).has_left()
    }

    /// Returns the identity of the owner, or 0 if there is none.
    pub(crate) fn owner(&self) -> usize {
        // Relaxed: exact if the caller is the owner, since it wrote the word itself; otherwise a snapshot.
        self.owner.load(Relaxed) & !sync::MARKS
    }

    /// Returns by what right the caller, which is the owner, has the lock.
    #[inline(always)]
    pub(super) fn owned_by(&self) -> By {
        // Relaxed: the caller has written the word itself.
        By::of(self.owner.load(Relaxed))
    }

    /// Returns the lock as something that a thread may wait for.
    fn awaited<'a>(&'a self, label: Label<'a>) -> Awaited<'a> {
        Awaited { owner: &self.owner, taken_at: Some(&self.taken_at), label }
    }

    /// Returns whether the calling thread holds the lock.
    pub(crate) fn is_mine(&self) -> bool {
        sync::is_this_thread(&self.owner)
    }

    /// Undoes the mask of the owner's acquisition. The caller holds the lock.
    fn stop_masking(&self) {
        let found = self.found.get();
        self.found.set(Found::NOTHING);
        sync::unmask(found);
    }

    /// Releases for a caller that can't serve: `lock_api`'s guards. Only an interrupt leaves something to the owner,
    /// and only its own guards hold its lock.
    fn release_unserving(&self) {
        if !sync::THREADS_SLEEP {
            // So nobody is to be woken either.
            let _ = self.free();
            return;
        }
        // SAFETY: the callers hold the lock and have ended their borrow.
        while unsafe { self.release() }.is_err() {
            let _ = self.take_left();
        }
    }
}

/// For the models: a delivery in one step or in two, and a look at the announce word.
#[cfg(all(loom, test))]
mod model {
    use super::announced::Ticket;
    use super::*;

    impl RawInterruptLock {
        /// Takes the lock for a delivery, as an interrupt does.
        pub(crate) fn deliver(&self, may_wait: bool, before_leaving: impl FnOnce()) -> Admission {
            match self.deliver_at_once() {
                Some(acquisition) => Admission::Acquired(acquisition),
                None => self.deliver_slow(may_wait, Label::UNNAMED, before_leaving),
            }
        }

        /// Makes the deadline of every timed waiter pass.
        pub(crate) fn expire_waiters(&self) {
            self.threads.expire();
        }

        pub(crate) fn deliver_in_turn(&self, ticket: Ticket) -> Acquisition {
            self.wait_for_turn(None, ticket)
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

impl Default for RawInterruptLock {
    fn default() -> Self {
        Self::new()
    }
}
