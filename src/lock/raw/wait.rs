//! The slow paths: what a thread or a delivery does that can't have the lock at once.

use crate::lock::raw::announced::{Announced, LEFT, PARKED, Ticket};
use crate::lock::raw::{Acquisition, Admission, Caller, NotAcquired, RawInterruptLock, StillHeld};
use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{Backoff, Parked};

/// How often a thread is woken in vain, because deliveries come first, before it takes its place among them: several that
/// never cease would keep it, and whoever wants to disable them, out for ever.
const PATIENCE: u32 = 4;

/// As a thread.
impl RawInterruptLock {
    #[cold]
    pub(super) fn wait_as_thread(
        &self,
        caller: Caller,
        deadline: Option<sync::Instant>,
    ) -> Result<Acquisition, NotAcquired> {
        let mut backoff = sync::patient_backoff();
        let mut passed_over = 0;
        loop {
            let (owner, announced) = (self.owner(), self.announced());
            if owner == caller.me {
                return Err(NotAcquired::Recursive(self.taken_at.get()));
            }
            if is_open_to_threads(owner, announced) {
                match self.take(caller, Announced::precedes_threads) {
                    Err(NotAcquired::Held) => {}
                    answer => return answer,
                }
            }
            // With nobody asleep the section may be short: look a few times before the expensive sleep.
            if !announced.is_parked() && !backoff.is_completed() {
                backoff.snooze();
                continue;
            }
            // Relaxed: publishes nothing. The barrier is the announcer's; see the top of `raw_lock`.
            self.announced.fetch_or(PARKED, Relaxed);
            sync::heavy_barrier();
            let parked = self.threads.park(
                &self.owner,
                0,
                || {
                    let announced = self.announced();
                    // `PARKED` says that a wake-up is to come: who has cleared it since has missed this thread.
                    announced.is_parked() && !is_open_to_threads(self.owner(), announced)
                },
                |last| {
                    if last {
                        // Relaxed: with the queue locked, nobody else clears this bit.
                        self.announced.fetch_and(!PARKED, Relaxed);
                    }
                },
                deadline,
            );
            if parked == Parked::TimedOut {
                return Err(NotAcquired::TimedOut);
            }
            // Woken, or there was nothing to wait for: try once more, whatever the time is.
            backoff = sync::patient_backoff();
            passed_over += u32::from(self.announced().deliveries_wait());
            // (One that may give up can't: those behind it wait for its turn.)
            if passed_over > PATIENCE && deadline.is_none() {
                return Ok(self.wait_for_turn(caller, self.arrive()));
            }
        }
    }

    fn announced(&self) -> Announced {
        // Relaxed: the callers' barriers order it, or an exchange decides.
        Announced(self.announced.load(Relaxed))
    }

    /// The caller has exchanged the owner word, and found something announced that precedes it.
    #[cold]
    pub(super) fn step_aside(&self, announced: Announced) -> NotAcquired {
        if !announced.deliveries_wait() {
            return NotAcquired::ServeFirst;
        }
        // What is pending as well is found by the release of the delivery.
        let announced = self.free();
        sync::unmask();
        self.wake_turn(announced);
        NotAcquired::Held
    }
}

/// Whether a thread would get the lock. (A delivery that waits has it next, and its release wakes a thread.)
fn is_open_to_threads(owner: usize, announced: Announced) -> bool {
    owner == 0 && !announced.deliveries_wait()
}

/// As a delivery.
impl RawInterruptLock {
    /// Takes the lock for a delivery that could not have it at once. Where the caller can't wait for the owner (or
    /// `may_wait` forbids it), it runs `announce` and tells the owner to serve the delivery.
    #[cold]
    #[track_caller]
    pub(crate) fn deliver_slow(&self, may_wait: bool, announce: impl FnOnce()) -> Admission {
        let caller = Caller::here();
        if self.is_mine() {
            announce();
            // The release is this thread's own, so there is nobody to pass a barrier.
            self.note_left();
            return Admission::LeftToOwner;
        }
        if may_wait {
            let ticket = self.arrive();
            return Admission::Acquired(self.wait_for_turn(caller, ticket));
        }
        announce();
        self.note_left();
        sync::heavy_barrier();
        if self.owner() == 0 && self.exchange_owner(caller.me) {
            // The owner had gone, perhaps without a look. The release finds the bit, if nobody has been faster.
            return Admission::Acquired(self.begin(caller));
        }
        Admission::LeftToOwner
    }

    /// Announces a delivery that waits. From when this returns, at most the section that runs comes before it, and no
    /// delivery that arrives later.
    pub(crate) fn arrive(&self) -> Ticket {
        let backoff = Backoff::new();
        let mut word = self.announced();
        let ticket = loop {
            let Some((ticket, with)) = word.with_arrival() else {
                // Half an address space of threads waits already.
                backoff.snooze();
                word = self.announced();
                continue;
            };
            // Relaxed: publishes nothing. The barriers order it; see the top of `raw_lock`.
            match self.announced.compare_exchange(word.0, with, Relaxed, Relaxed) {
                Ok(_) => break ticket,
                Err(now) => word = Announced(now),
            }
        };
        sync::heavy_barrier_for_exchanges();
        ticket
    }

    /// Waits until all deliveries that came before have been served, and takes the lock.
    pub(super) fn wait_for_turn(&self, caller: Caller, ticket: Ticket) -> Acquisition {
        let mut backoff = Backoff::new();
        loop {
            if self.is_open_to(ticket) && self.exchange_owner(caller.me) {
                self.leave();
                return self.begin(caller);
            }
            // The section that runs may be short: look a few times before the expensive barrier, and the expensive sleep.
            if !backoff.is_completed() {
                backoff.snooze();
                continue;
            }
            sync::heavy_barrier();
            let _: Parked = self.deliveries.park(&self.announced, ticket.0, || !self.is_open_to(ticket), |_| {}, None);
            backoff = Backoff::new();
        }
    }

    fn is_open_to(&self, ticket: Ticket) -> bool {
        self.owner() == 0 && self.announced().turn() == ticket
    }

    /// The delivery whose turn it was has the lock.
    fn leave(&self) {
        let mut word = self.announced();
        // Relaxed: the next delivery sees this with the lock's own release.
        while let Err(now) = self.announced.compare_exchange(word.0, word.without_first(), Relaxed, Relaxed) {
            word = Announced(now);
        }
    }

    /// Has the owner, whoever it is, look for something to serve as it releases; `false` if there is none.
    pub(crate) fn leave_to_owner(&self) -> bool {
        if self.owner() == 0 {
            return false;
        }
        self.note_left();
        sync::heavy_barrier();
        // If there is none any more, whoever comes next looks in vain: no harm.
        self.owner() != 0
    }

    /// For who does not wait and has left something to be served: word for the owner. The lock itself, if there is none any
    /// more and no delivery waits: its release then finds the word.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub(crate) fn leave_or_acquire(&self) -> Option<Acquisition> {
        self.note_left();
        if self.is_mine() {
            // The release is this thread's own.
            return None;
        }
        sync::heavy_barrier();
        // (A delivery that waits finds the word as it releases.)
        if self.owner() == 0 { self.take(Caller::here(), Announced::precedes_deliveries).ok() } else { None }
    }

    /// Has the owner look for something to serve as it releases. An owner that leaves word to itself needs nothing more;
    /// anybody else has others pass a barrier, and looks whether there is an owner still.
    pub(crate) fn note_left(&self) {
        // Release: whoever serves sees what the caller published before this; pairs with the Acquire in `take_left`.
        self.announced.fetch_or(LEFT, Release);
    }
}

/// As the owner.
impl RawInterruptLock {
    /// The rest of a release that found something announced.
    #[cold]
    pub(super) fn release_slow(&self, announced: Announced) -> Result<(), StillHeld> {
        let in_turn = announced.deliveries_wait();
        if !in_turn && announced.has_left() && self.take_back() {
            return Err(StillHeld);
        }
        sync::unmask();
        self.wake_next(announced);
        Ok(())
    }

    /// Releases with something pending, for who has served as much as a release may: whoever takes the lock next goes on.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    #[cold]
    pub(crate) unsafe fn release_passing_on(&self) {
        let announced = self.free();
        sync::unmask();
        self.wake_next(announced);
    }

    fn wake_next(&self, announced: Announced) {
        let in_turn = announced.deliveries_wait();
        if in_turn {
            self.wake_turn(announced);
        }
        // The release of the last delivery wakes a thread, unless they don't cease.
        if announced.is_parked() && (!in_turn || announced.never_ceases()) {
            // The word is still there: the caller's borrow of the lock lasts until this function returns.
            self.threads.wake_one(&self.owner, |more| {
                if !more {
                    // Relaxed: with the queue locked, nobody else clears this bit.
                    self.announced.fetch_and(!PARKED, Relaxed);
                }
            });
        }
    }

    /// Takes a lock that was released with something pending back, to serve it; `false` if another owner was faster, who
    /// finds it too.
    fn take_back(&self) -> bool {
        // Acquire: pairs with the Release in `free`, of others who had the lock meanwhile. (The mask is still in force.)
        self.owner.compare_exchange(0, sync::this_thread(), Acquire, Relaxed).is_ok()
    }

    /// Wakes the delivery whose turn it is, if it sleeps. One that does not has the lock next, or looks again first.
    fn wake_turn(&self, announced: Announced) {
        // The word is still there: the caller's borrow of the lock lasts until this function returns.
        self.deliveries.wake(&self.announced, announced.turn().0);
    }
}
