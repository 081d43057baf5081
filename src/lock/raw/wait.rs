//! The slow paths of the raw lock: a thread or a delivery that finds the lock held, and a release that finds something
//! announced.

use core::panic::Location;

use crate::lock::by_delivery::By;
use crate::lock::raw::announced::{Announced, LEFT, PARKED, Ticket};
use crate::lock::raw::{Acquisition, Admission, NotAcquired, Place, RawInterruptLock, Refused, StillHeld, Unfinished};
use crate::lock::waits::{self, Label};
use crate::sync;
use crate::sync::Ordering::{Relaxed, Release};
use crate::sync::{Backoff, Parked};

/// How often a thread is woken in vain, because deliveries come first, before it draws a ticket like a delivery.
///
/// Otherwise deliveries without a pause would keep the thread out for ever, even a thread that wants to disable them.
const PATIENCE: u32 = 4;

/// A thread that waits.
impl RawInterruptLock {
    #[cold]
    pub(super) fn wait_as_thread(
        &self,
        at: Place,
        deadline: Option<sync::Instant>,
        label: Label<'_>,
    ) -> Result<Acquisition, NotAcquired> {
        if let Some(decided) = self.look_for_a_while(at) {
            return decided;
        }
        let called_off = waits::Flag::new();
        let call_off = waits::CallOff { flag: &called_off, parker: &self.threads, word: &self.owner };
        let call_off = label.for_end.then_some(call_off);
        // A thread that may give up draws no ticket: it would keep its turn, and all later tickets wait for that.
        let patience = if deadline.is_none() && !label.for_end { PATIENCE } else { u32::MAX };
        let wait = || self.sleep_as_thread(at, deadline, &called_off, patience);
        match deadline {
            Some(_) => waits::look(self.awaited(label)).map_err(NotAcquired::Circle).and_then(|()| wait()),
            None => waits::through_soft(self.awaited(label), call_off, wait).map_err(NotAcquired::Circle).flatten(),
        }
    }

    /// Looks a few times before the expensive sleep: the running section may be short. Returns `None` if it is time to
    /// sleep: also at once if a thread sleeps already.
    fn look_for_a_while(&self, at: Place) -> Option<Result<Acquisition, NotAcquired>> {
        let backoff = sync::patient_backoff();
        loop {
            let ((owner, is_mine), announced) = (sync::look_at_owner(&self.owner), self.announced());
            if is_mine {
                return Some(Err(NotAcquired::Recursive(self.taken_at())));
            }
            if is_open_to_threads(owner, announced) {
                match self.take(Some(at), Announced::precedes_threads) {
                    Err(Refused::Held) => {}
                    Err(Refused::ServeFirst) => return Some(Err(NotAcquired::ServeFirst)),
                    Ok(acquisition) => return Some(Ok(acquisition)),
                }
            }
            if announced.is_parked() || backoff.is_completed() {
                return None;
            }
            backoff.snooze();
        }
    }

    /// Sleeps until the caller's section can begin, until `deadline`, or until the wait is called off.
    fn sleep_as_thread(
        &self,
        at: Place,
        deadline: Option<sync::Instant>,
        called_off: &waits::Flag,
        patience: u32,
    ) -> Result<Acquisition, NotAcquired> {
        let mut passed_over = 0;
        loop {
            // Relaxed: publishes nothing. The barrier after it is the announcer's; see "The barriers" in `raw`.
            self.announced.fetch_or(PARKED, Relaxed);
            sync::heavy_barrier();
            let parked = self.threads.park(
                &self.owner,
                0,
                || {
                    let announced = self.announced();
                    // `PARKED` promises a wake-up. If it has been cleared in between, nothing would wake this thread.
                    announced.is_parked() && !is_open_to_threads(self.owner(), announced) && !called_off.is_set()
                },
                |last| {
                    if last {
                        // Relaxed: the queue is locked, so no other thread clears this bit.
                        self.announced.fetch_and(!PARKED, Relaxed);
                    }
                },
                deadline,
            );
            if parked == Parked::TimedOut {
                return Err(NotAcquired::TimedOut);
            }
            passed_over += u32::from(self.announced().deliveries_wait());
            if passed_over > patience {
                return Ok(self.wait_for_turn(Some(at), self.arrive()));
            }
            // Woken, or there was nothing to wait for: try once more, even if the time has run out or the wait has been
            // called off. The wake-up may have been the only one for all that wait.
            if let Some(decided) = self.look_for_a_while(at) {
                return decided;
            }
            if called_off.is_set() {
                return Err(NotAcquired::CalledOff);
            }
        }
    }

    fn announced(&self) -> Announced {
        // Relaxed: the callers' barriers order it, or an exchange decides.
        Announced(self.announced.load(Relaxed))
    }

    /// Lets what is announced go first. The caller has exchanged the owner word, and has found something that precedes
    /// it.
    ///
    /// Frees the lock if a delivery waits. Otherwise the caller keeps the lock and serves what is left to the owner.
    #[cold]
    pub(super) fn step_aside(&self, announced: Announced) -> Refused {
        if !announced.deliveries_wait() {
            return Refused::ServeFirst;
        }
        // If something is left to the owner as well, the delivery's release finds it.
        let announced = self.free();
        self.wake_delivery(announced);
        Refused::Held
    }
}

/// Returns whether a thread could take the lock: it is free, and no delivery waits. (A delivery that waits gets the
/// lock next, and its release wakes a thread.)
fn is_open_to_threads(owner: usize, announced: Announced) -> bool {
    owner == 0 && !announced.deliveries_wait()
}

/// A delivery that waits, and what a caller leaves to the owner.
impl RawInterruptLock {
    /// Takes the lock for a delivery, after [`deliver_at_once`](Self::deliver_at_once) has failed.
    ///
    /// If `may_wait`, waits for the delivery's turn. If not, if the caller itself is the owner, or if the wait would
    /// never end, runs `before_leaving` and leaves the delivery to the owner.
    ///
    /// The wait is registered before it draws a ticket: a ticket can't be given back.
    #[cold]
    pub(crate) fn deliver_slow(&self, may_wait: bool, label: Label<'_>, before_leaving: impl FnOnce()) -> Admission {
        if self.is_mine() {
            before_leaving();
            // The release is this thread's own, so no other thread has to pass a barrier.
            self.note_left();
            return Admission::LeftToOwner;
        }
        if may_wait
            && let Ok(acquisition) = waits::through(self.awaited(label), || {
                let ticket = self.arrive();
                self.wait_for_turn(None, ticket)
            })
        {
            return Admission::Acquired(acquisition);
        }
        before_leaving();
        self.note_left();
        sync::heavy_barrier();
        if self.owner() == 0 && self.exchange_owner(By::Delivery) {
            // The owner has released, perhaps without a look at `LEFT`. This delivery's own release finds it, unless
            // another owner has cleared it.
            return Admission::Acquired(self.begin(None));
        }
        Admission::LeftToOwner
    }

    /// Announces a delivery that waits, and returns its ticket.
    ///
    /// Once this has returned, at most the section that is running comes before the delivery, and no delivery that
    /// arrives later.
    pub(crate) fn arrive(&self) -> Ticket {
        let backoff = Backoff::new();
        let mut word = self.announced();
        let ticket = loop {
            let Some((ticket, with)) = word.with_arrival() else {
                // All tickets are in use: as many deliveries wait as half the announce word can count.
                backoff.snooze();
                word = self.announced();
                continue;
            };
            // Relaxed: publishes nothing. The barriers order it; see "The barriers" in `raw`.
            match self.announced.compare_exchange(word.0, with, Relaxed, Relaxed) {
                Ok(_) => break ticket,
                Err(now) => word = Announced(now),
            }
        };
        sync::heavy_barrier_for_exchanges();
        ticket
    }

    /// Waits for the turn of `ticket`, and takes the lock: for a thread at `at`, or for a delivery.
    pub(super) fn wait_for_turn(&self, at: Option<Place>, ticket: Ticket) -> Acquisition {
        let mut backoff = Backoff::new();
        loop {
            if self.is_open_to(ticket) && self.exchange_owner(By::at(at)) {
                self.count_admitted();
                return self.begin(at);
            }
            // The running section may be short: look a few times before the expensive barrier and the expensive sleep.
            if !backoff.is_completed() {
                backoff.snooze();
                continue;
            }
            sync::heavy_barrier();
            let _: Parked = self.deliveries.park(&self.announced, ticket.0, || !self.is_open_to(ticket), |_| {}, None);
            backoff = Backoff::new();
        }
    }

    /// Returns whether the lock is free and it is the turn of `ticket`.
    fn is_open_to(&self, ticket: Ticket) -> bool {
        self.owner() == 0 && self.announced().turn() == ticket
    }

    /// Ends the turn of the delivery that has taken the lock.
    fn count_admitted(&self) {
        let mut word = self.announced();
        // Relaxed: the next delivery sees this with the lock's own release.
        while let Err(now) = self.announced.compare_exchange(word.0, word.without_first(), Relaxed, Relaxed) {
            word = Announced(now);
        }
    }

    /// Makes the owner look for something to serve as it releases. Returns `false` if there is no owner.
    pub(crate) fn leave_to_owner(&self) -> bool {
        if self.owner() == 0 {
            return false;
        }
        self.note_left();
        sync::heavy_barrier();
        // If there is no owner any more, `LEFT` stays set, and the next owner looks in vain. That is harmless.
        self.owner() != 0
    }

    /// Makes the owner look for something to serve as it releases. Never waits.
    ///
    /// Returns the lock if there is no owner and no delivery waits: then the caller's own release finds `LEFT`.
    #[track_caller]
    pub(crate) fn leave_or_acquire(&self) -> Option<Acquisition> {
        self.note_left();
        if self.is_mine() {
            // The release is this thread's own, so no other thread has to pass a barrier.
            return None;
        }
        sync::heavy_barrier();
        // (A delivery that waits finds `LEFT` as it releases.)
        if self.owner() == 0 { self.take(Some(Location::caller()), Announced::precedes_deliveries).ok() } else { None }
    }

    /// Sets `LEFT`, so that a release looks for something to serve.
    ///
    /// If the caller is the owner, that is all. Any other caller then passes the heavy barrier and reads the owner
    /// word: the owner may have released before it saw `LEFT`.
    pub(crate) fn note_left(&self) {
        // Release: the owner that serves sees what the caller published before. Pairs with the Acquire in `take_left`.
        self.announced.fetch_or(LEFT, Release);
    }
}

/// An owner that releases.
impl RawInterruptLock {
    /// Finishes a release that has freed the lock and found something announced.
    ///
    /// Takes the lock back if something is left to the owner, unless a delivery waits: its release serves that too. So
    /// does another owner that is faster.
    #[cold]
    pub(super) fn release_slow(&self, Unfinished { announced, by }: Unfinished) -> Result<(), StillHeld> {
        if !announced.deliveries_wait() && announced.has_left() && self.exchange_owner(by) {
            return Err(StillHeld);
        }
        self.wake_next(announced);
        Ok(())
    }

    /// Releases and passes on what is still left: the next owner serves it. For an owner that has run as many closures
    /// as one release may.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    #[cold]
    pub(crate) unsafe fn release_passing_on(&self) {
        let announced = self.free();
        self.wake_next(announced);
    }

    /// Wakes the delivery whose turn it is. Wakes a thread if no delivery waits, or if deliveries never cease.
    fn wake_next(&self, announced: Announced) {
        let deliveries_wait = announced.deliveries_wait();
        if deliveries_wait {
            self.wake_delivery(announced);
        }
        if announced.is_parked() && (!deliveries_wait || announced.never_ceases()) {
            // The word is still there: the caller borrows the lock until this function returns.
            self.threads.wake_one(&self.owner, |more| {
                if !more {
                    // Relaxed: the queue is locked, so no other thread clears this bit.
                    self.announced.fetch_and(!PARKED, Relaxed);
                }
            });
        }
    }

    /// Wakes the delivery whose turn it is, if it sleeps. If it does not, it takes the lock next, or looks again before
    /// it sleeps.
    fn wake_delivery(&self, announced: Announced) {
        // The word is still there: the caller borrows the lock until this function returns.
        self.deliveries.wake(&self.announced, announced.turn().0);
    }
}
