//! Threads that sleep until the ISR has claimed, or until it has changed the interrupt data (rule A1).
//!
//! A thread listens as async code does, with a waker that ends its sleep. So there is one protocol for both.

use core::task::Waker;
use core::time::Duration;
use std::time::Instant;

use alloc::sync::Arc;
use alloc::task::Wake;

use crate::error::{Error, ErrorKind};
use crate::interrupt::InterruptObject;
use crate::interrupt::claims::Claims;
use crate::lock::InterruptLockGuard;
use crate::sync;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicUsize, Parked, Parker};

/// What a thread sleeps on.
struct Sleep {
    /// 1 once the thread has been woken.
    woken: AtomicUsize,
    parker: Parker,
}

impl Wake for Sleep {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the Acquires in `until`, so that the thread sees the claim.
        self.woken.store(1, Release);
        self.parker.wake_all(&self.woken);
    }
}

impl Sleep {
    fn new() -> Arc<Self> {
        Arc::new(Self { woken: AtomicUsize::new(0), parker: Parker::new() })
    }

    /// A waker that ends the next sleep.
    fn waker(self: &Arc<Self>) -> Waker {
        // Relaxed: a wake-up by a waker from before needs no look any more, because the caller looks after this.
        self.woken.store(0, Relaxed);
        self.clone().into()
    }

    /// Sleeps until woken. Returns `false` if `deadline` comes first.
    fn until(&self, deadline: Option<Instant>) -> bool {
        // Acquire: pairs with the Release in `wake_by_ref`.
        while self.woken.load(Acquire) == 0 {
            // Relaxed: the queue's lock orders this look and the store before `wake_all`.
            let asleep = self.parker.park(&self.woken, 0, || self.woken.load(Relaxed) == 0, |_| {}, deadline);
            if matches!(asleep, Parked::TimedOut) {
                return self.woken.load(Acquire) != 0;
            }
        }
        true
    }
}

impl Claims<'_> {
    /// Sleeps until the ISR has claimed, but no longer than `timeout`: for a thread. Returns how many runs have claimed
    /// since the last look.
    ///
    /// It is the form of [`claimed`](Self::claimed) for code without an executor, and loses no claim either: claims since
    /// the last look are returned at once. So a driver makes its listener first, then submits, then waits. A timeout of
    /// zero looks and does not wait.
    ///
    /// A work item may wait for its own interrupt. Then a disable, which waits for the work item, ends the wait.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NoClaim`]: no ISR run has claimed in time. A later call can wait again.
    /// - [`ErrorKind::Faulted`], [`ErrorKind::Removed`], [`ErrorKind::Ended`], [`ErrorKind::Source`]: as for
    ///   [`claimed`](Self::claimed), at once, also during the wait.
    /// - [`ErrorKind::WouldDeadlock`]: the ISR can't run while the caller waits. The caller holds the interrupt lock, is in
    ///   an ISR or a callback of the interrupt, or is a dispatcher's thread. Or it is the interrupt's work item, and the
    ///   interrupt is being disabled.
    /// - [`ErrorKind::Forked`]: the interrupt is the parent's.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, Registers, simulated};
    /// use std::time::Duration;
    ///
    /// const FACTORIAL: usize = 0x08;
    /// const CONTROL: usize = 0x20;
    /// const RAISE_WHEN_DONE: u32 = 0x80;
    /// const INTERRUPT_STATUS: usize = 0x24;
    /// const ACKNOWLEDGE: usize = 0x64;
    ///
    /// let edu = simulated::Edu::new();
    /// let interrupt = Interrupt::builder(edu.registers())
    ///     .isr(|registers| {
    ///         registers.write32(ACKNOWLEDGE, registers.read32(INTERRUPT_STATUS));
    ///         Claim::Claimed
    ///     })
    ///     .on_enable(|registers| registers.write32(CONTROL, RAISE_WHEN_DONE))
    ///     .source(edu.line()?)
    ///     .build()?;
    /// interrupt.enable()?;
    ///
    /// let mut claims = interrupt.claims()?;
    /// interrupt.acquire_interrupt_lock().write32(FACTORIAL, 5); // submit,
    /// let patience = Duration::from_secs(60);
    /// claims.wait_for(patience)?;                               // sleep until the ISR has answered, or give up
    /// assert_eq!(interrupt.acquire_interrupt_lock().read32(FACTORIAL), 120);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn wait_for(&mut self, timeout: Duration) -> Result<u64, Error> {
        // A deadline beyond the clock's range is none.
        let waited = self.wait(Instant::now().checked_add(timeout), ErrorKind::NoClaim);
        self.interrupt().set_waker(self.place, None);
        waited
    }

    /// Waits until `deadline`; then the error is `too_late`.
    fn wait(&mut self, deadline: Option<Instant>, too_late: ErrorKind) -> Result<u64, Error> {
        if let Some(answer) = self.look() {
            return answer;
        }
        let sleep = Sleep::new();
        loop {
            self.interrupt().set_waker(self.place, Some(sleep.waker()));
            // A claim that came before the waker was set has called no waker, so look again.
            if let Some(answer) = self.look() {
                return answer;
            }
            self.interrupt().may_wait()?;
            if !sleep.until(deadline) {
                return self.look().unwrap_or_else(|| Err(self.interrupt().error(too_late)));
            }
        }
    }
}

impl<T, W> InterruptObject<T, W> {
    /// Returns an error if the calling thread would wait in vain for a claim.
    pub(super) fn may_wait_for_claims(&self) -> Result<(), Error> {
        self.check_here()?;
        let refused = if sync::is_in_isr() {
            Some("called from an ISR")
        } else if sync::is_watcher() {
            Some("called on a dispatcher's thread, which runs ISRs")
        } else if !self.work.is_mine() || self.lock().raw().is_mine() {
            self.own_section()
        } else if !self.state.in_service() {
            Some("called from its work item, for which its disable waits")
        } else {
            None
        };
        refused.map_or(Ok(()), |why| Err(self.error(ErrorKind::WouldDeadlock { why, circle: None })))
    }
}

impl<T: Send, W: Send> InterruptObject<T, W> {
    /// Acquires the lock as soon as `condition` holds, for a thread that waits for what the ISR makes of the data. Gives
    /// up after `timeout`.
    ///
    /// It is to an interrupt what a condition variable is to a mutex, and the ISR needs no code for it. It looks at the
    /// condition at once, then again after each run in which the ISR has claimed. In between the thread sleeps, and
    /// the lock is free. What other threads or the work item change is seen at the next of these looks only.
    ///
    /// The condition runs with the lock held. If it panics, the lock is released.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ConditionUnmet`]: the condition did not hold in time.
    /// - [`ErrorKind::TimedOut`]: the lock was not free in time.
    /// - All errors of [`Claims::wait_for`], if the condition does not hold.
    /// - [`ErrorKind::Recursive`], at once: the calling thread holds the lock already.
    /// - [`ErrorKind::WouldDeadlock`]: also if the owner of the lock waits for what the calling thread holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    /// use std::time::Duration;
    ///
    /// #[derive(Default)]
    /// struct Disk {
    ///     finished: u32,
    /// }
    ///
    /// let (source, message) = Software::edge();
    /// let interrupt = Interrupt::builder(Disk::default())
    ///     .isr(|disk| {
    ///         disk.finished += 1;
    ///         Claim::Claimed
    ///     })
    ///     .source(source)
    ///     .build()?;
    /// interrupt.enable()?;
    /// message.assert();
    /// let patience = Duration::from_secs(60);
    /// let disk = interrupt.try_acquire_interrupt_lock_when(|disk| disk.finished > 0, patience)?;
    /// assert_eq!(disk.finished, 1);
    /// # drop(disk);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn try_acquire_interrupt_lock_when(
        &self,
        mut condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> Result<InterruptLockGuard<'_, T>, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let mut claims: Option<Claims<'_>> = None;
        loop {
            // Before the look, so that one look comes after the deadline.
            let is_last = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let mut data = self.lock().acquire_until(deadline)?;
            if condition(&mut data) {
                return Ok(data);
            }
            drop(data);
            match &mut claims {
                // Listen before the next look at the condition, so that no claim falls between that and the wait.
                None => claims = Some(self.claims()?),
                Some(claims) => {
                    claims.wait(deadline, ErrorKind::ConditionUnmet)?;
                    if is_last {
                        // The ISR claims at least as often as this thread looks.
                        return Err(self.error(ErrorKind::ConditionUnmet));
                    }
                }
            }
        }
    }
}
