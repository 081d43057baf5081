//! Enable (rules E1, I4, I9, I15).

use crate::interrupt::state::{ENABLED, ENDED, FAULTED, KEPT_DISABLED, REMOVED};
use crate::interrupt::transition::{InTransition, Transition};
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::{Callback, Error, ErrorKind, Info, Share, SourceError, Trigger, sync};

impl<T, W> InterruptObject<T, W> {
    /// Connects the interrupt and begins to serve it: *EnableInterrupt*.
    ///
    /// In order: what the source still holds from before is drained and counted as stale, the dispatcher is armed, the
    /// source connected, the enable callback run under the lock. What fires from the connection on is served right
    /// after the callback has succeeded (rules [I4](crate::guide::contract#i4), [I9](crate::guide::contract#i9),
    /// [I15](crate::guide::contract#i15)). It waits for the interrupt lock, and for another transition that is going
    /// on.
    ///
    /// The interrupts of a [`Device`](crate::Device) are enabled by it; one that the driver has disabled itself waits
    /// for the driver's own call of this. It connects the interrupt whether or not its device is in D0.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::EnableCallback`]: the callback failed; the connection has been undone.
    /// - [`ErrorKind::Source`], [`ErrorKind::Removed`]: the source could not be connected.
    /// - [`ErrorKind::Faulted`]: a fault has to be cleared first, or the enable callback panicked.
    /// - [`ErrorKind::WouldDeadlock`]: called from an ISR, from this interrupt's own callbacks, with its lock held, or
    ///   in a circle with another thread's callback. Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Error, ErrorKind, Interrupt, State};
    ///
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|_| Err("no clock"))
    ///     .build()?;
    /// assert!(matches!(interrupt.enable().unwrap_err().kind(), ErrorKind::EnableCallback(_)));
    /// assert_eq!(interrupt.state(), State::Disabled);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "WdfInterruptEnable")]
    #[doc(alias = "Enable")]
    pub fn enable(&self) -> Result<Transition, Error> {
        let transition = self.begin()?;
        self.state.take(KEPT_DISABLED);
        self.enable_in(&transition)
    }

    pub(in crate::interrupt) fn enable_in(&self, transition: &InTransition<'_, T, W>) -> Result<Transition, Error> {
        if self.state.has(ENDED | REMOVED | FAULTED) {
            self.check()?;
        }
        if self.state.has(ENABLED) {
            return Ok(Transition::Already);
        }
        let mut data = transition.lock();
        let data = &mut *data;
        // SAFETY: with the lock held, and from no callback of this interrupt: `begin` refuses those.
        unsafe { self.registered.with(|registered| self.enable_locked(registered, data))? };
        Ok(Transition::Done)
    }

    fn enable_locked(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        self.with_source(registered, |registered| self.connect(registered, data)).flatten()?;
        let answer = sync::catch(|| registered.enable.call(data));
        match answer {
            Ok(Ok(())) => {
                self.work.open();
                self.state.set(ENABLED);
                events::enabled(self.name());
                Ok(())
            }
            Ok(Err(error)) => {
                self.out_of_service(registered);
                Err(self.error(ErrorKind::EnableCallback(error)))
            }
            Err(message) => Err(self.panicked(registered, Callback::Enable, message)),
        }
    }

    fn connect(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        let Some(source) = &mut registered.source else {
            return Ok(());
        };
        let connected = source.take().and_then(|stale| {
            self.counters.stale.add_exclusive(usize::try_from(stale).unwrap_or(usize::MAX));
            let info = source.info();
            registered.message = info.message_number.unwrap_or(0);
            registered.empty_is_benign = self.note(info);
            // The wait is armed before the source is connected, so what fires at the connection is served.
            match &self.dispatch {
                Some(dispatch) => {
                    dispatch.arm(&mut **source)?;
                    source.connect(&dispatch.waker())
                }
                None => source.connect(core::task::Waker::noop()),
            }?;
            #[cfg(feature = "std")]
            self.ask_for_policy(&**source);
            Ok(())
        });
        connected.map_err(|error| {
            self.disarm();
            if error == SourceError::Removed {
                self.surprise_removal(registered, data);
                return self.removed();
            }
            self.source_error(error)
        })
    }

    /// Has it be told as shared, whatever the system says.
    pub(crate) fn note_shared(&self) {
        self.notes.lock().shared = true;
    }

    /// Keeps what the system says of the interrupt, for those who ask. The answer is whether an ISR that finds nothing
    /// is nothing unusual: a message vector of one device's own, of which an earlier run may have done the work.
    pub(crate) fn note(&self, mut info: Info) -> bool {
        let level = info.trigger.is_none_or(Trigger::can_be_masked);
        let mut notes = self.notes.lock();
        if notes.shared {
            info.share = Some(Share::Shared);
        }
        let shared = info.share == Some(Share::Shared);
        notes.doubtfully_shared = !level && shared;
        let benign = !shared && (info.message_signaled == Some(true) || info.trigger == Some(Trigger::Message));
        notes.info = info;
        benign
    }
}
