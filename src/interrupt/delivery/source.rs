//! The calls that a delivery makes to its source: take what was signalled, report the claim, unmask the line.

use crate::cause::SourceError;
use crate::claim::Claim;
use crate::fault::{Callback, Fault};
use crate::interrupt::{InterruptObject, Registered};
use crate::sync;
use crate::sync::Panicked;

/// The source failed or panicked. The interrupt has been faulted or removed for it already.
pub(in crate::interrupt) struct NotServed;

/// What becomes of a level line after the ISR has returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::interrupt) enum AfterIsr {
    /// The line is unmasked, unless the ISR keeps it masked.
    Unmask,
    /// The line is left as it is: it is about to be disconnected.
    LeaveMasked,
    /// Nothing was signalled, so the line is masked only if the ISR keeps it masked.
    #[cfg(feature = "std")]
    NotMasked,
}

impl<T, W> InterruptObject<T, W> {
    /// Runs `ask`, which calls the source, and catches its panic: that is a fault. In a forked child the source is the
    /// parent's, and is left alone: a callback may have forked.
    #[inline]
    pub(in crate::interrupt) fn with_source<R>(
        &self,
        registered: &mut Registered<T, W>,
        ask: impl FnOnce(&mut Registered<T, W>) -> R,
    ) -> Result<R, crate::error::Error> {
        self.check_here()?;
        self.caught(registered, ask)
    }

    /// As [`with_source`](Self::with_source), where no callback has run since the state was looked at.
    #[inline]
    fn caught<R>(
        &self,
        registered: &mut Registered<T, W>,
        ask: impl FnOnce(&mut Registered<T, W>) -> R,
    ) -> Result<R, crate::error::Error> {
        match sync::catch(|| ask(registered)) {
            Ok(answer) => Ok(answer),
            Err(message) => Err(self.panicked(registered, Callback::Source, message)),
        }
    }

    /// Acts on what the source has returned instead of success: its error, or its panic.
    #[cold]
    fn source_refused<R>(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        answer: Result<Result<R, SourceError>, Panicked>,
    ) {
        match answer {
            Ok(Ok(_)) => {}
            // The error may be a source's own, whose destructor may panic.
            Ok(Err(error)) => _ = self.caught(registered, |registered| self.source_failed(registered, data, error)),
            Err(panicked) => self.free(self.panicked(registered, Callback::Source, panicked.message())),
        }
    }

    /// Tells the source what the ISR has claimed. Returns whether an unclaimed run counts as spurious. A panic of the
    /// source is a fault.
    #[cold]
    pub(in crate::interrupt) fn tell_source(
        &self,
        registered: &mut Registered<T, W>,
        claim: Claim,
    ) -> Result<bool, NotServed> {
        self.with_source(registered, |registered| {
            registered.source.as_mut().is_none_or(|source| source.answered(claim))
        })
        .map_err(|error| {
            self.free(error);
            NotServed
        })
    }

    /// Takes what was signalled: from the source, or, without a source, the `asserted` that the caller has counted. A
    /// panic of the source is a fault.
    #[inline(always)]
    pub(in crate::interrupt) fn take_caught(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: usize,
    ) -> Result<u64, NotServed> {
        let Some(source) = &mut registered.source else {
            return Ok(asserted as u64);
        };
        match sync::call(|| source.take()) {
            Ok(Ok(signalled)) => Ok(signalled),
            refused => {
                self.source_refused(registered, data, refused);
                Err(NotServed)
            }
        }
    }

    /// Takes what the source has signalled. An error of the source faults or removes the interrupt. A panic is not
    /// caught.
    pub(in crate::interrupt) fn take(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<u64, NotServed> {
        let Some(source) = &mut registered.source else {
            return Ok(0);
        };
        source.take().map_err(|error| {
            self.source_failed(registered, data, error);
            NotServed
        })
    }

    /// Unmasks a level line, so that it can signal again ([rule I6](crate::guide::contract#i6)). An error or a panic of
    /// the source faults or removes the interrupt.
    ///
    /// On a shared line a late run may come while an earlier one keeps the line masked. It stays so: the source is only
    /// told of the claim.
    #[inline(always)]
    pub(super) fn unmask_line(&self, registered: &mut Registered<T, W>, data: &mut T) {
        let Some(source) = &mut registered.source else {
            return self.unmask_own_line();
        };
        // In a forked child the source is the parent's: the ISR may have forked.
        if self.state.is_inherited() || self.work.keeps_masked() {
            return self.leave_masked(registered);
        }
        match sync::call(|| source.unmask()) {
            Ok(Ok(())) => {}
            refused => self.source_refused(registered, data, refused),
        }
    }

    #[cold]
    fn leave_masked(&self, registered: &mut Registered<T, W>) {
        // If the source panicked, this has faulted the interrupt. In a forked child it does nothing.
        let _ = self.tell_source(registered, Claim::Claimed);
    }

    #[cold]
    fn source_failed(&self, registered: &mut Registered<T, W>, data: &mut T, error: SourceError) {
        match error {
            SourceError::Removed => self.surprise_removal(registered, data),
            SourceError::Storm { unclaimed, of } => self.set_faulted(registered, Fault::Storm { unclaimed, of }),
            error => self.set_faulted(registered, Fault::Source(error)),
        }
    }
}
