//! From an assertion to the ISR's answer.
//!
//! A delivery is one section of the interrupt lock: it takes what the source signalled, runs the ISR and opens the line
//! again. So whoever holds the lock knows that no delivery is half done: that is all the synchronisation that disable,
//! faults and the end need. The event is taken before the ISR looks at the device, so what arrives meanwhile is seen.

use core::fmt;

#[cfg(feature = "alloc")]
use crate::SourceError;
use crate::interrupt::{Inside, InterruptObject, IsrContext};
use crate::lock::InterruptLockGuard;
use crate::sync;
use crate::sync::Ordering::{Acquire, Release};
use crate::{Callback, Claim, Fault};

/// What became of a call of [`service`](InterruptObject::service).
///
/// ```
/// use interrupt_lock::{Claim, Delivery, Interrupt};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.service(), Delivery::NotServed);
/// interrupt.enable()?;
/// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The ISR ran and answered this.
    Answered(Claim),
    /// The source had signalled nothing since it was last served.
    Nothing,
    /// The lock is held by whom the caller can't wait for: by the caller itself, or on bare metal by anybody. The ISR
    /// runs as soon as that section ends.
    Pending,
    /// Disabled, quarantined, removed or ended: the ISR does not run.
    NotServed,
    /// Reported inactive, or asleep with its device: what was signalled has been taken, and is kept for when the interrupt
    /// is active again.
    Withheld,
}

impl<T, W> InterruptObject<T, W> {
    /// Serves the interrupt: takes what its source signalled, runs the ISR with the lock held, opens the line again.
    ///
    /// Dispatchers, an interrupt vector, a driver's own loop and a model all call this. Where the object has no source
    /// the call itself is the assertion. It waits for the lock, but never for the caller's own section, and on bare
    /// metal for nobody's: then the section's release runs the ISR.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Delivery, Interrupt};
    ///
    /// let interrupt = Interrupt::builder(0).isr(|count| { **count += 1; Claim::Claimed }).build()?;
    /// interrupt.enable()?;
    ///
    /// let count = interrupt.acquire_interrupt_lock();
    /// assert_eq!(interrupt.service(), Delivery::Pending);
    /// assert_eq!(*count, 0);
    /// drop(count); // runs the ISR
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnInterruptIsr")]
    #[doc(alias = "EvtInterruptIsr")]
    pub fn service(&self) -> Delivery {
        self.service_waiting(sync::DELIVERY_MAY_WAIT)
    }

    /// `may_wait` is false for an interrupt vector, which can't wait for what it interrupted.
    #[inline]
    pub(crate) fn service_waiting(&self, may_wait: bool) -> Delivery {
        match self.enter(may_wait) {
            None => Delivery::Pending,
            Some((mut data, asserted)) if self.state.delivers_unheard() => self.deliver_enabled(&mut data, asserted),
            Some((data, asserted)) => self.deliver_and_tell(data, asserted),
        }
    }

    /// The delivery where there is a listener, or where it does not reach the ISR.
    #[cold]
    fn deliver_and_tell(&self, mut data: InterruptLockGuard<'_, T>, asserted: usize) -> Delivery {
        let delivery = self.deliver(&mut data, asserted);
        drop(data);
        self.tell_listener();
        delivery
    }

    /// The section of a delivery, and the assertions that it serves where there is no source. `None`: the owner of the
    /// lock serves it.
    #[inline]
    pub(super) fn enter(&self, may_wait: bool) -> Option<(InterruptLockGuard<'_, T>, usize)> {
        let mut asserted = 1;
        let data = self.lock().enter(
            may_wait,
            || {
                // From here on the count speaks for this call: it may be the owner who serves it.
                asserted = 0;
                // Release: pairs with the Acquire in `take_owed`. The pending bit alone would not do: whoever holds the lock
                // next may take the count before the bit is there.
                self.owed.fetch_add(1, Release);
            },
            |wait| self.through_wait(wait),
        )?;
        if asserted == 0 {
            asserted = self.take_owed();
            if asserted == 0 {
                // Another owner was faster.
                return None;
            }
        }
        Some((data, asserted))
    }

    /// Does `wait`, the wait of a delivery, and measures it where the interrupt is timed.
    fn through_wait(&self, wait: &mut dyn FnMut() -> bool) {
        #[cfg(feature = "std")]
        if let Some(timing) = &self.timing {
            return timing.through_wait(wait);
        }
        wait();
    }

    /// What deliveries without a source have left to be served, with all that they did before. The caller holds the lock.
    pub(super) fn take_owed(&self) -> usize {
        // Acquire: pairs with the Release in `enter`.
        self.owed.swap(0, Acquire)
    }

    /// The delivery itself. The caller holds the lock, and `data` is the proof. `asserted` counts the assertions of an
    /// interrupt without a source.
    #[inline]
    pub(super) fn deliver(&self, data: &mut T, asserted: usize) -> Delivery {
        if !self.state.delivers() {
            return self.deliver_nothing(data, asserted);
        }
        self.deliver_enabled(data, asserted)
    }

    /// As [`deliver`](Self::deliver), where the state has been looked at.
    #[inline]
    fn deliver_enabled(&self, data: &mut T, asserted: usize) -> Delivery {
        // SAFETY: the caller holds the interrupt lock, under which alone `inside` is used, and is not inside of it:
        // callbacks run with the lock held, and nothing that they can call delivers then.
        unsafe {
            self.inside.with(|inside| match self.take_caught(inside, data, asserted) {
                Ok(0) => Delivery::Nothing,
                Ok(asserted) => self.answer(inside, data, asserted, Reopen::Yes),
                Err(NotServed) => Delivery::NotServed,
            })
        }
    }

    /// Runs the ISR although nothing was signalled (rule I14). `false` where the calling thread holds the lock.
    #[cfg(feature = "std")]
    pub(crate) fn service_silent(&self) -> bool {
        let Some((mut lock, asserted)) = self.enter(true) else { return false };
        let data = &mut *lock;
        // A line that is kept masked is silent because of that.
        if self.state.delivers() && !self.work.keeps() {
            // SAFETY: as in `deliver`.
            unsafe {
                self.inside.with(|inside| match self.take_caught(inside, data, asserted) {
                    Ok(0) => self.recover(inside, data),
                    Ok(asserted) => _ = self.answer(inside, data, asserted, Reopen::Yes),
                    Err(NotServed) => {}
                });
            }
        }
        drop(lock);
        self.after_section();
        true
    }

    /// What it claims was not signalled; that it claims nothing is nothing unusual.
    #[cfg(feature = "std")]
    fn recover(&self, inside: &mut Inside<T, W>, data: &mut T) {
        let empty_is_benign = core::mem::replace(&mut inside.empty_is_benign, true);
        // The line is not masked.
        let answer = self.answer(inside, data, 1, Reopen::No);
        inside.empty_is_benign = empty_is_benign;
        if matches!(answer, Delivery::Answered(Claim::Claimed | Claim::ClaimedKeepMasked)) {
            self.counters.recovered.add_exclusive(1);
        }
    }

    #[cold]
    fn deliver_nothing(&self, data: &mut T, asserted: usize) -> Delivery {
        if self.state.in_service() {
            return self.withhold(data, asserted);
        }
        if !self.has_source {
            self.counters.stale.add_exclusive(asserted);
        }
        Delivery::NotServed
    }

    /// Does what asks the source. If that panics it is a fault.
    #[inline]
    pub(super) fn with_source<R>(
        &self,
        inside: &mut Inside<T, W>,
        ask: impl FnOnce(&mut Inside<T, W>) -> R,
    ) -> Result<R, crate::Error> {
        match sync::catch(|| ask(inside)) {
            Ok(answer) => Ok(answer),
            Err(message) => Err(self.panicked(inside, Callback::Source, message)),
        }
    }

    /// Runs the ISR for what was signalled, and does as it answers. Its panics go no further.
    #[inline]
    pub(super) fn answer(&self, inside: &mut Inside<T, W>, data: &mut T, asserted: u64, reopen: Reopen) -> Delivery {
        if asserted > 1 {
            self.counters.coalesced.add_exclusive(usize::try_from(asserted - 1).unwrap_or(usize::MAX));
        }
        // Without a source no line is kept masked, and what the work item's thread writes is not looked at.
        let runs = if inside.has_source() { self.work_run.get() } else { 0 };
        let mut context = IsrContext { data, object: self, message: inside.message, assertions: asserted };
        let claim = match sync::in_isr(|| sync::catch(|| inside.isr.call(&mut context))) {
            Ok(claim) => claim,
            Err(message) => return self.isr_panicked(inside, message),
        };
        match claim {
            Claim::Claimed => self.answers.claimed.add_exclusive(1),
            Claim::ClaimedKeepMasked => {
                self.answers.claimed.add_exclusive(1);
                self.tell(inside, claim);
                self.keep_masked(inside, data, runs, reopen);
                return Delivery::Answered(claim);
            }
            Claim::Unclaimed => {
                if !self.unclaimed(inside) {
                    return Delivery::Answered(claim);
                }
            }
            Claim::DeviceGone => {
                self.answers.broken.add_exclusive(1);
                self.surprise(inside, data);
                return Delivery::Answered(claim);
            }
        }
        if reopen == Reopen::Yes {
            self.reopen(inside, data);
        }
        Delivery::Answered(claim)
    }

    #[cold]
    fn isr_panicked(&self, inside: &mut Inside<T, W>, message: crate::Name) -> Delivery {
        self.answers.broken.add_exclusive(1);
        self.quarantine(inside, Fault::Panicked { callback: Callback::Isr, message });
        Delivery::NotServed
    }

    /// The ISR has not claimed. The answer is whether the interrupt is still served: that may be a storm. The caller holds
    /// the lock, of which `inside` is the proof.
    #[cold]
    fn unclaimed(&self, inside: &mut Inside<T, W>) -> bool {
        if !self.tell(inside, Claim::Unclaimed) || inside.empty_is_benign {
            self.counters.benign.add_exclusive(1);
            return true;
        }
        self.answers.spurious.add_exclusive(1);
        #[cfg(feature = "std")]
        if inside.has_source() {
            let others = self.answers.claimed.get() + self.answers.broken.get() + self.counters.benign.get();
            // SAFETY: the caller holds the interrupt lock, under which alone `storm` is used, and nothing else is called.
            let storm = unsafe { self.storm.with(|storm| storm.unclaimed(others, std::time::Instant::now())) };
            if let Some(fault) = storm {
                self.quarantine(inside, fault);
                return false;
            }
        }
        true
    }

    /// Tells the source what the ISR has answered. The answer is whether an unclaimed run is held against it.
    fn tell(&self, inside: &mut Inside<T, W>, claim: Claim) -> bool {
        #[cfg(feature = "alloc")]
        return self
            .with_source(inside, |inside| inside.source.as_mut().is_none_or(|source| source.answered(claim)))
            .unwrap_or(true);
        #[cfg(not(feature = "alloc"))]
        {
            let _ = (inside, claim);
            true
        }
    }

    fn keep_masked(&self, inside: &mut Inside<T, W>, data: &mut T, runs: u64, reopen: Reopen) {
        let idle = self.work.keep();
        // The worker may have been faster than the ISR: then the run that was to unmask is over.
        if reopen == Reopen::Yes && idle && self.work_run.get() != runs {
            self.work.take_kept();
            self.reopen(inside, data);
        }
    }

    /// As [`take`](Self::take); a panic of the source is a fault.
    #[inline]
    pub(super) fn take_caught(
        &self,
        inside: &mut Inside<T, W>,
        data: &mut T,
        asserted: usize,
    ) -> Result<u64, NotServed> {
        if !inside.has_source() {
            return Ok(asserted as u64);
        }
        self.with_source(inside, |inside| self.take(inside, data)).unwrap_or(Err(NotServed))
    }

    /// Takes what the source has signalled.
    #[cfg(feature = "alloc")]
    pub(super) fn take(&self, inside: &mut Inside<T, W>, data: &mut T) -> Result<u64, NotServed> {
        let Some(source) = &mut inside.source else {
            return Ok(0);
        };
        source.take().map_err(|error| {
            self.source_failed(inside, data, error);
            NotServed
        })
    }

    #[cfg(not(feature = "alloc"))]
    fn take(&self, _: &mut Inside<T, W>, _: &mut T) -> Result<u64, NotServed> {
        Ok(0)
    }

    /// Lets a level line signal again (rule I6).
    #[inline]
    fn reopen(&self, inside: &mut Inside<T, W>, data: &mut T) {
        #[cfg(feature = "alloc")]
        if inside.has_source() {
            // What a panic leads to has been done.
            let _ = self.with_source(inside, |inside| {
                if let Some(Err(error)) = inside.source.as_mut().map(|source| source.unmask()) {
                    self.source_failed(inside, data, error);
                }
            });
        }
        #[cfg(not(feature = "alloc"))]
        let _ = (inside, data);
    }

    #[cfg(feature = "alloc")]
    #[cold]
    fn source_failed(&self, inside: &mut Inside<T, W>, data: &mut T, error: SourceError) {
        match error {
            SourceError::Removed => self.surprise(inside, data),
            SourceError::Storm { unclaimed, of } => self.quarantine(inside, Fault::Storm { unclaimed, of }),
            error => self.quarantine(inside, Fault::Source(error)),
        }
    }

    /// Opens a level line that the ISR kept masked ([`Claim::ClaimedKeepMasked`], rule I6). Does nothing to a line that
    /// isn't kept masked, nor to edges and messages.
    ///
    /// The end of a run of the work item does the same.
    ///
    /// # Panics
    ///
    /// If the calling thread holds the interrupt lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Interrupt, source::Software};
    ///
    /// let (source, line) = Software::level();
    /// let interrupt = Interrupt::builder(0)
    ///     .isr(|count| { **count += 1; Claim::ClaimedKeepMasked })
    ///     .source(source)
    ///     .without_dispatcher()
    ///     .build()?;
    /// interrupt.enable()?;
    /// line.assert();
    /// interrupt.service();
    /// interrupt.service(); // masked: nothing
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 1);
    /// interrupt.unmask();
    /// interrupt.service(); // still asserted
    /// assert_eq!(*interrupt.acquire_interrupt_lock(), 2);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn unmask(&self) {
        // The lock comes first: an ISR that is about to answer "keep masked" holds it.
        let mut data = self.acquire_interrupt_lock();
        self.unmask_kept(&mut data);
        drop(data);
        // The source may have failed.
        self.tell_listener();
    }

    /// Unmasks what was kept masked. The caller holds the lock, and `data` is the proof.
    pub(super) fn unmask_kept(&self, data: &mut T) {
        if self.work.take_kept() && self.state.in_service() {
            // SAFETY: as in `deliver`: with the lock held, and from no callback.
            unsafe { self.inside.with(|inside| self.reopen(inside, data)) };
        }
    }
}

/// The source can't be asked, and what follows from that has been done.
pub(super) struct NotServed;

/// Whether the line is opened again after the ISR has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reopen {
    Yes,
    /// The last delivery of a disable: the line is disconnected.
    No,
}

/// What the owner of the lock does for this interrupt.
impl<T, W> InterruptObject<T, W> {
    /// Serves what deliveries have left. The caller holds the lock, and `data` is the proof.
    pub(super) fn serve_owed(&self, data: &mut T) {
        let owed = self.take_owed();
        if owed != 0 {
            self.deliver(data, owed);
        }
    }

    #[cfg(not(feature = "alloc"))]
    pub(super) fn serve_deferred(&self, _: &mut T, _: &mut bool) -> bool {
        false
    }

    /// Has the dispatcher's worker go on with the closures that a release has left, if there is one.
    pub(super) fn leave_to_worker(&self) -> bool {
        #[cfg(feature = "alloc")]
        return self.dispatch.as_ref().is_some_and(|dispatch| dispatch.schedule_anyway(self.name()));
        #[cfg(not(feature = "alloc"))]
        false
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered(Claim::Unclaimed) => "not claimed",
            Self::Answered(Claim::DeviceGone) => "device gone",
            Self::Answered(_) => "claimed",
            Self::Nothing => "nothing signalled",
            Self::Pending => "pending",
            Self::NotServed => "not served",
            Self::Withheld => "withheld",
        })
    }
}
