//! What a delivery asks of the source: to take what was signalled, and to unmask the line again.

use crate::SourceError;
use crate::interrupt::{InterruptObject, Registered};
use crate::sync;
use crate::{Callback, Claim, Fault};

/// The source can't be asked, and what follows from that has been done.
pub(in crate::interrupt) struct NotServed;

/// Whether the line is opened again after the ISR has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::interrupt) enum Reopen {
    Yes,
    /// The last delivery of a disable: the line is disconnected.
    No,
}

impl<T, W> InterruptObject<T, W> {
    /// Does what asks the source. If that panics it is a fault.
    #[inline]
    pub(in crate::interrupt) fn with_source<R>(
        &self,
        registered: &mut Registered<T, W>,
        ask: impl FnOnce(&mut Registered<T, W>) -> R,
    ) -> Result<R, crate::Error> {
        match sync::catch(|| ask(registered)) {
            Ok(answer) => Ok(answer),
            Err(message) => Err(self.panicked(registered, Callback::Source, message)),
        }
    }

    /// Tells the source what the ISR has claimed. Returns whether an unclaimed run is held against the interrupt.
    pub(in crate::interrupt) fn tell(&self, registered: &mut Registered<T, W>, claim: Claim) -> bool {
        self.with_source(registered, |registered| {
            registered.source.as_mut().is_none_or(|source| source.answered(claim))
        })
        .unwrap_or(true)
    }

    /// As [`take`](Self::take); a panic of the source is a fault.
    #[inline]
    pub(in crate::interrupt) fn take_caught(
        &self,
        registered: &mut Registered<T, W>,
        data: &mut T,
        asserted: usize,
    ) -> Result<u64, NotServed> {
        if !registered.has_source() {
            return Ok(asserted as u64);
        }
        self.with_source(registered, |registered| self.take(registered, data)).unwrap_or(Err(NotServed))
    }

    /// Takes what the source has signalled.
    pub(in crate::interrupt) fn take(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<u64, NotServed> {
        let Some(source) = &mut registered.source else {
            return Ok(0);
        };
        source.take().map_err(|error| {
            self.source_failed(registered, data, error);
            NotServed
        })
    }

    /// Lets a level line signal again (rule I6).
    #[inline]
    pub(super) fn reopen(&self, registered: &mut Registered<T, W>, data: &mut T) {
        if registered.has_source() {
            // What a panic leads to has been done.
            let _ = self.with_source(registered, |registered| {
                if let Some(Err(error)) = registered.source.as_mut().map(|source| source.unmask()) {
                    self.source_failed(registered, data, error);
                }
            });
        }
    }

    #[cold]
    fn source_failed(&self, registered: &mut Registered<T, W>, data: &mut T, error: SourceError) {
        match error {
            SourceError::Removed => self.surprise(registered, data),
            SourceError::Storm { unclaimed, of } => self.quarantine(registered, Fault::Storm { unclaimed, of }),
            error => self.quarantine(registered, Fault::Source(error)),
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
    pub(in crate::interrupt) fn unmask_kept(&self, data: &mut T) {
        if self.work.take_kept() && self.state.in_service() {
            // SAFETY: as in `deliver`: with the lock held, and from no callback.
            unsafe { self.registered.with(|registered| self.reopen(registered, data)) };
        }
    }
}
