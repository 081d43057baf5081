//! The run of the ISR, and what follows from its claim.

use crate::answer::Delivery;
use crate::claim::Claim;
use crate::fault::{Callback, Fault};
use crate::interrupt::delivery::AfterIsr;
#[cfg(feature = "std")]
use crate::interrupt::delivery::NotServed;
use crate::interrupt::{InterruptObject, IsrContext, Registered};
use crate::lock::DeliveryGuard;
use crate::sync;
use crate::sync::{InIsr, Panicked};

impl<T, W> InterruptObject<T, W> {
    /// Calls the ISR for `asserted` assertions. The caller acts on its claim, after [`leave_isr`](sync::leave_isr).
    ///
    /// That is left to the caller, since what it does comes after the look at the claim: if it came before, the claim would have
    /// to be kept meanwhile.
    #[inline(always)]
    pub(super) fn call_isr(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: u64,
    ) -> (InIsr, Result<Claim, Panicked>) {
        let mut context = IsrContext { data, object: self, message: registered.message, assertions: asserted };
        (sync::enter_isr(), sync::call(|| registered.isr.call(&mut context)))
    }

    /// Runs the ISR for `asserted` assertions and acts on its claim. A panic of the ISR is a fault.
    #[inline(never)]
    pub(in crate::interrupt) fn run_isr(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: u64,
        after: AfterIsr,
    ) -> Delivery {
        self.run_isr_here(registered, data, asserted, after)
    }

    /// As [`run_isr`](Self::run_isr), for a caller in which every instruction counts.
    #[inline(always)]
    pub(super) fn run_isr_here(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: u64,
        after: AfterIsr,
    ) -> Delivery {
        if asserted > 1 {
            self.counters.coalesced.add_exclusive(usize::try_from(asserted - 1).unwrap_or(usize::MAX));
        }
        // If nothing can be kept masked, `work_run`, which the work item's thread writes, is not read: a delivery does not
        // need its cache line then. (Where no threads are, the look is cheaper than the question.)
        let may_keep = !sync::THREADS_SLEEP || !registered.is_plain();
        let runs = if may_keep { self.work_run.get() } else { 0 };
        match self.call_isr(registered, data, asserted) {
            (in_isr, Ok(Claim::Claimed)) => {
                sync::leave_isr(in_isr);
                self.claim_counts.claimed.count_exclusive();
                self.unmask_after(registered, data, after);
                Delivery::Answered(Claim::Claimed)
            }
            (in_isr, claim) => {
                sync::leave_isr(in_isr);
                self.follow_isr(registered, data, claim, runs, after)
            }
        }
    }

    #[inline(always)]
    fn unmask_after(&self, registered: &mut Registered<T, W>, data: &mut T, after: AfterIsr) {
        if after == AfterIsr::Unmask && !registered.is_plain() && !registered.never_masks {
            self.unmask_line(registered, data);
        }
    }

    /// Acts on what the ISR has returned. `runs` is how often the work item had run before the ISR.
    #[cold]
    fn follow_isr(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        claim: Result<Claim, Panicked>,
        runs: u64,
        after: AfterIsr,
    ) -> Delivery {
        let claim = match claim {
            Ok(claim) => claim,
            Err(panicked) => return self.isr_panicked(registered, panicked),
        };
        match claim {
            Claim::Claimed => self.claim_counts.claimed.count_exclusive(),
            Claim::ClaimedKeepMasked => {
                self.claim_counts.claimed.count_exclusive();
                if self.tell_source(registered, claim).is_ok() {
                    self.keep_masked(registered, data, runs, after);
                }
                return Delivery::Answered(claim);
            }
            Claim::Unclaimed => {
                // On a shared line a late run may come while an earlier one keeps the line masked.
                if !self.unclaimed(registered) || self.work.keeps_masked() {
                    return Delivery::Answered(claim);
                }
            }
            Claim::DeviceGone => {
                self.claim_counts.broken.count_exclusive();
                self.surprise_removal(registered, data);
                return Delivery::Answered(claim);
            }
        }
        self.unmask_after(registered, data, after);
        Delivery::Answered(claim)
    }

    /// As [`follow_isr`](Self::follow_isr), of a plain delivery whose ISR has not simply claimed.
    #[cold]
    pub(super) fn follow_plain_isr(
        &self,
        mut data: DeliveryGuard<'_, T>,
        in_isr: InIsr,
        claim: Result<Claim, Panicked>,
    ) -> Delivery {
        sync::leave_isr(in_isr);
        // SAFETY: as in `deliver_enabled`.
        unsafe {
            // Nothing can be kept masked, so nobody asks for the runs of the work item.
            self.registered.with(|registered| self.follow_isr(registered, &mut data, claim, 0, AfterIsr::Unmask))
        }
    }

    #[cold]
    fn isr_panicked(&self, registered: &mut Registered<T, W>, panicked: Panicked) -> Delivery {
        let message = panicked.message();
        self.claim_counts.broken.count_exclusive();
        self.set_faulted(registered, Fault::Panicked { callback: Callback::Isr, message });
        Delivery::NotServed
    }

    /// Counts a run in which the ISR did not claim. Returns `false` if that makes a storm, or the source panics: the
    /// interrupt is faulted now. The caller holds the lock, as `registered` proves.
    #[cold]
    fn unclaimed(&self, registered: &mut Registered<T, W>) -> bool {
        let counts = self.tell_source(registered, Claim::Unclaimed);
        if matches!(counts, Ok(false)) || registered.empty_is_benign {
            self.counters.benign.count_exclusive();
            return counts.is_ok();
        }
        self.claim_counts.spurious.count_exclusive();
        if counts.is_err() {
            return false;
        }
        #[cfg(feature = "std")]
        if registered.has_source() {
            let others = self.claim_counts.claimed.get() + self.claim_counts.broken.get() + self.counters.benign.get();
            // SAFETY: the caller holds the interrupt lock; `storm` is used under it only; the closure calls nothing
            // that could use `storm` again.
            let storm = unsafe { self.storm.with(|storm| storm.unclaimed(others, std::time::Instant::now())) };
            if let Some(fault) = storm {
                self.set_faulted(registered, fault);
                return false;
            }
        }
        true
    }

    /// Runs the ISR although nothing was signalled, because the line has been silent ([rule
    /// I14](crate::guide::contract#i14)). Returns `false` if the calling thread holds the lock.
    #[cfg(feature = "std")]
    pub(crate) fn service_silent(&self) -> bool {
        let Some((mut lock, asserted)) = self.enter(true) else { return false };
        let data = &mut *lock;
        // A line that is kept masked is silent for that reason alone.
        if self.state.delivers() && !self.work.keeps_masked() {
            // SAFETY: as in `deliver_enabled`.
            unsafe {
                self.registered.with(|registered| match self.take_caught(registered, data, asserted) {
                    Ok(0) => self.recover(registered, data),
                    Ok(asserted) => _ = self.run_isr(registered, data, asserted, AfterIsr::Unmask),
                    Err(NotServed) => {}
                });
            }
        }
        drop(lock);
        self.after_section();
        true
    }

    /// Runs the ISR for an assertion that was not signalled. If the ISR claims, the claim is recovered; if it does not,
    /// the run is benign.
    #[cfg(feature = "std")]
    fn recover(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let empty_is_benign = core::mem::replace(&mut registered.empty_is_benign, true);
        // Nothing was signalled, so the source has not masked the line.
        let answer = self.run_isr(registered, data, 1, AfterIsr::NotMasked);
        registered.empty_is_benign = empty_is_benign;
        if matches!(answer, Delivery::Answered(Claim::Claimed | Claim::ClaimedKeepMasked)) {
            self.counters.recovered.count_exclusive();
        }
    }
}
