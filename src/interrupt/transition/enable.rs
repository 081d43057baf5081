//! Enable (rules E1, I4, I9, I15).

use crate::answer::Transition;
use crate::cause::SourceError;
use crate::error::{Error, ErrorKind};
use crate::fault::Callback;
#[cfg(feature = "alloc")]
use crate::info::{Info, Share, Trigger};
use crate::interrupt::state::{Event, GONE, KEPT_DISABLED, Next};
use crate::interrupt::transition::InTransition;
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::source::NOBODY;
use crate::sync;

impl<T, W> InterruptObject<T, W> {
    /// Connects the interrupt, so that its ISR runs for assertions.
    ///
    /// In this order ([rule E1](crate::guide::contract#e1)), it:
    ///
    /// 1. drains what the source holds from before, and counts it as stale;
    /// 2. lets the dispatcher wait on the source;
    /// 3. connects the source, and asks the system for the policy if the driver gave one;
    /// 4. runs the enable callback, with the lock held.
    ///
    /// No ISR runs before the callback has succeeded. An assertion since the connection is delivered right after it
    /// (rules [I4](crate::guide::contract#i4), [I9](crate::guide::contract#i9), [I15](crate::guide::contract#i15)). It
    /// waits for the interrupt lock, and for another transition. If the interrupt is enabled already, it returns
    /// [`Transition::Already`] and runs no callback.
    ///
    /// A [`Device`](crate::Device) enables its interrupts itself as it enters D0. An interrupt that the driver has
    /// disabled is an exception: it waits for the driver to call this. The function connects the interrupt whether its
    /// device is in D0 or not.
    ///
    /// It stands for *WdfInterruptEnable* and *Enable*.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::EnableCallback`]: the callback failed. The connection has been undone.
    /// - [`ErrorKind::Source`]: the source could not be connected.
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    /// - [`ErrorKind::Faulted`]: a fault has to be cleared first ([`clear_fault`](Self::clear_fault)), or the enable
    ///   callback or the source panicked.
    /// - [`ErrorKind::WouldDeadlock`]: the call would wait for itself ([rule E4](crate::guide::contract#e4)). It came
    ///   from an ISR or from a callback or the work item of this interrupt, or its thread holds the interrupt lock, or
    ///   the callback lock that the work item needs. Or another thread is in the way, and waits for what this thread
    ///   holds ([rule L13](crate::guide::contract#l13)). Nothing has been done.
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
        let mut data = transition.lock()?;
        let data = &mut *data;
        // SAFETY: this thread holds the lock, and is in no callback of this interrupt: there `begin` refuses.
        unsafe { self.registered.with(|registered| self.enable_locked(registered, data)) }
    }

    fn enable_locked(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<Transition, Error> {
        match self.state.next(Event::Enable) {
            _ if self.state.has(GONE) => return Err(self.refusal()),
            Next::Refuse => return Err(self.refusal()),
            Next::Stay => return Ok(Transition::Already),
            Next::To(_) => _ = self.state.apply(Event::Enable),
        }
        // A panic of the source is a fault, and an error may be a removal. Then the phase is another already.
        let connected = self.with_source(registered, |registered| self.connect(registered, data)).flatten();
        #[cfg(feature = "alloc")]
        self.note_granted(connected.as_ref());
        if let Err(error) = connected {
            self.state.apply(Event::NotConnected);
            return Err(error);
        }
        match sync::catch(|| registered.enable.call(data)) {
            // The callback has forked, and this is the child.
            Ok(_) if self.state.is_inherited() => Err(self.ended()),
            Ok(Ok(())) => {
                self.work.open();
                self.state.apply(Event::Connected);
                self.unmask_own_line();
                events::enabled(self.name());
                Ok(Transition::Done)
            }
            Ok(Err(error)) => {
                self.out_of_service(registered);
                self.state.apply(Event::NotConnected);
                Err(self.error(ErrorKind::EnableCallback(error)))
            }
            Err(message) => Err(self.panicked(registered, Callback::Enable, message)),
        }
    }

    fn connect(&self, registered: &mut Registered<T, W>, data: &mut T) -> Result<(), Error> {
        let Some(source) = &mut registered.source else {
            #[cfg(feature = "std")]
            self.ask_for_policy(None);
            return Ok(());
        };
        let connected = source.take().and_then(|stale| {
            self.counters.stale.add_exclusive(usize::try_from(stale).unwrap_or(usize::MAX));
            let info = source.info();
            registered.message = info.message_number.unwrap_or(0);
            registered.never_masks = source.never_masks();
            #[cfg(feature = "alloc")]
            {
                registered.empty_is_benign = self.note(info);
            }
            // The dispatcher and a loop of the driver's wait before the source is connected. So an assertion at the connection
            // is served, and a refusal leaves nothing connected.
            self.arm_own_loop(&mut **source)?;
            match self.dispatch() {
                Some(dispatch) => {
                    dispatch.arm(&mut **source)?;
                    source.connect(&dispatch.waker())
                }
                None => source.connect(NOBODY),
            }?;
            #[cfg(feature = "std")]
            self.ask_for_policy(Some(&**source));
            Ok(())
        });
        connected.map_err(|error| {
            // If this is refused too, the first error is told.
            let _ = self.disarm(registered);
            if error == SourceError::Removed {
                self.surprise_removal(registered, data);
                return self.removed();
            }
            self.source_error(error)
        })
    }

    /// Notes whether the interrupt has a message vector ([rule I11](crate::guide::contract#i11)), for `check`.
    #[cfg(feature = "alloc")]
    fn note_granted(&self, connected: Result<&(), &Error>) {
        let mut notes = self.notes.lock();
        match connected.map_err(Error::kind) {
            Err(ErrorKind::Source(error @ SourceError::NotGranted { .. })) => {
                notes.rare().not_granted = Some(error.clone());
            }
            // Nothing is allocated here: without an operating system, all is masked.
            _ => drop(notes.rare.as_mut().and_then(|rare| rare.not_granted.take())),
        }
    }

    /// Notes that the driver has asked for a shared line: `info` then says so, whatever the system reports.
    #[cfg(feature = "alloc")]
    pub(crate) fn note_shared(&self) {
        self.notes.lock().rare().shared = true;
    }

    /// Keeps what the system says about the interrupt, for `info`. Returns whether an unclaimed run is benign: that is
    /// so for a message of one device alone, because an earlier run may have done the work for it.
    #[cfg(feature = "alloc")]
    pub(crate) fn note(&self, mut info: Info) -> bool {
        let level = info.trigger.is_none_or(Trigger::can_be_masked);
        let mut notes = self.notes.lock();
        if notes.rare.as_ref().is_some_and(|rare| rare.shared) {
            info.share = Some(Share::Shared);
        }
        let shared = info.share == Some(Share::Shared);
        let doubtfully_shared = !level && shared;
        if doubtfully_shared || notes.rare.is_some() {
            notes.rare().doubtfully_shared = doubtfully_shared;
        }
        let benign = !shared && (info.message_signaled == Some(true) || info.trigger == Some(Trigger::Message));
        notes.info = info;
        benign
    }
}
