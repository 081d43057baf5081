//! The ISR runs, and what it claims is done.

#[cfg(feature = "std")]
use crate::interrupt::delivery::NotServed;
use crate::interrupt::delivery::Reopen;
use crate::interrupt::{Delivery, InterruptObject, IsrContext, Registered};
use crate::sync;
use crate::{Callback, Claim, Fault};

impl<T, W> InterruptObject<T, W> {
    /// Runs the ISR for what was signalled, and does as it answers. Its panics go no further.
    #[inline]
    pub(in crate::interrupt) fn answer(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: u64,
        reopen: Reopen,
    ) -> Delivery {
        if asserted > 1 {
            self.counters.coalesced.add_exclusive(usize::try_from(asserted - 1).unwrap_or(usize::MAX));
        }
        // Without a source no line is kept masked, and what the work item's thread writes is not looked at.
        let runs = if registered.has_source() { self.work_run.get() } else { 0 };
        let mut context = IsrContext { data, object: self, message: registered.message, assertions: asserted };
        let claim = match sync::in_isr(|| sync::catch(|| registered.isr.call(&mut context))) {
            Ok(claim) => claim,
            Err(message) => return self.isr_panicked(registered, message),
        };
        match claim {
            Claim::Claimed => self.answers.claimed.add_exclusive(1),
            Claim::ClaimedKeepMasked => {
                self.answers.claimed.add_exclusive(1);
                self.tell(registered, claim);
                self.keep_masked(registered, data, runs, reopen);
                return Delivery::Answered(claim);
            }
            Claim::Unclaimed => {
                if !self.unclaimed(registered) {
                    return Delivery::Answered(claim);
                }
            }
            Claim::DeviceGone => {
                self.answers.broken.add_exclusive(1);
                self.surprise(registered, data);
                return Delivery::Answered(claim);
            }
        }
        if reopen == Reopen::Yes {
            self.reopen(registered, data);
        }
        Delivery::Answered(claim)
    }

    #[cold]
    fn isr_panicked(&self, registered: &mut Registered<T, W>, message: crate::Name) -> Delivery {
        self.answers.broken.add_exclusive(1);
        self.quarantine(registered, Fault::Panicked { callback: Callback::Isr, message });
        Delivery::NotServed
    }

    /// The ISR has not claimed. The answer is whether the interrupt is still served: that may be a storm. The caller holds
    /// the lock, of which `registered` is the proof.
    #[cold]
    fn unclaimed(&self, registered: &mut Registered<T, W>) -> bool {
        if !self.tell(registered, Claim::Unclaimed) || registered.empty_is_benign {
            self.counters.benign.add_exclusive(1);
            return true;
        }
        self.answers.spurious.add_exclusive(1);
        #[cfg(feature = "std")]
        if registered.has_source() {
            let others = self.answers.claimed.get() + self.answers.broken.get() + self.counters.benign.get();
            // SAFETY: the caller holds the interrupt lock, under which alone `storm` is used, and nothing else is called.
            let storm = unsafe { self.storm.with(|storm| storm.unclaimed(others, std::time::Instant::now())) };
            if let Some(fault) = storm {
                self.quarantine(registered, fault);
                return false;
            }
        }
        true
    }

    fn keep_masked(&self, registered: &mut Registered<T, W>, data: &mut T, runs: u64, reopen: Reopen) {
        let idle = self.work.keep();
        // The worker may have been faster than the ISR: then the run that was to unmask is over.
        if reopen == Reopen::Yes && idle && self.work_run.get() != runs {
            self.work.take_kept();
            self.reopen(registered, data);
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
                self.registered.with(|registered| match self.take_caught(registered, data, asserted) {
                    Ok(0) => self.recover(registered, data),
                    Ok(asserted) => _ = self.answer(registered, data, asserted, Reopen::Yes),
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
    fn recover(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let empty_is_benign = core::mem::replace(&mut registered.empty_is_benign, true);
        // The line is not masked.
        let answer = self.answer(registered, data, 1, Reopen::No);
        registered.empty_is_benign = empty_is_benign;
        if matches!(answer, Delivery::Answered(Claim::Claimed | Claim::ClaimedKeepMasked)) {
            self.counters.recovered.add_exclusive(1);
        }
    }
}
