//! D0 entry and exit (rule E5).

use alloc::sync::Arc;

use lock_api::MutexGuard;

use crate::DeviceCallback;
use crate::device::callbacks::Callbacks;
use crate::device::{Device, DeviceInterrupt};
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::Waits;
use crate::{CallbackError, Error, ErrorKind, Transition, sync};

/// Whether the device has power, and what is to be told of it.
pub(super) struct Power {
    in_d0: bool,
    callbacks: Callbacks,
}

impl Power {
    pub(super) fn off(callbacks: Callbacks) -> Self {
        Self { in_d0: false, callbacks }
    }
}

impl Device {
    /// Brings the device up (rule E5): *D0 entry*.
    ///
    /// In order: the D0-entry callback, the ISRs of wake-capable interrupts that were asserted, every interrupt enabled in the order in which they were built, the
    /// interrupts-enabled callback. If one fails, all of it is undone: the interrupts are disabled in reverse (the one
    /// that failed without its disable callback), then the D0-exit callback runs, unless it was the D0-entry callback
    /// that failed. What fails in that undoing is not reported: the answer is what caused it.
    ///
    /// Passed over are interrupts that the driver has disabled itself ([`disable`](crate::InterruptObject::disable)) and not
    /// enabled since, and those without resources: message vectors beyond those granted. An interrupt that is built
    /// while the device is in D0 is enabled at the next entry, or by the driver.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: that callback failed, or panicked.
    /// - What [`enable`](crate::InterruptObject::enable) says of the first interrupt that could not be enabled, its name
    ///   included. A quarantined interrupt is one: clear its fault first.
    /// - [`ErrorKind::WouldDeadlock`]: called from an ISR, from a callback of the device or of one of its interrupts, with
    ///   one of their locks or the callback lock held, or in a circle with another thread's. Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Error, ErrorKind, Interrupt, State, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// let good = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// let bad = Interrupt::builder(())
    ///     .name("bad")
    ///     .device(&device)
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|_| Err("no clock"))
    ///     .build()?;
    /// let error = device.enter_d0().unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::EnableCallback(_)));
    /// assert_eq!(error.name().as_str(), "bad");
    /// assert_eq!(good.state(), State::Disabled);
    ///
    /// drop(bad);
    /// assert_eq!(device.enter_d0()?, Transition::Done);
    /// assert_eq!(device.enter_d0()?, Transition::Already);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "OnD0Entry")]
    #[doc(alias = "EvtDeviceD0Entry")]
    pub fn enter_d0(&self) -> Result<Transition, Error> {
        self.transition(|power, interrupts| self.bring_to_d0(power, interrupts))
    }

    pub(super) fn bring_to_d0(
        &self,
        power: &mut Power,
        interrupts: &[Arc<dyn DeviceInterrupt>],
    ) -> Result<Transition, Error> {
        if power.in_d0 {
            return Ok(Transition::Already);
        }
        self.call(power, DeviceCallback::D0Entry)?;
        if let Err(error) = self.bring_up(power, interrupts) {
            // What caused it is the answer, not what follows from it.
            let _ = self.bring_down(power, interrupts);
            return Err(error);
        }
        power.in_d0 = true;
        Ok(Transition::Done)
    }

    /// Takes the device down (rule E5): *D0 exit*.
    ///
    /// In order: the disabling-interrupts callback, the interrupts disabled in reverse, the D0-exit callback. An error
    /// stops none of it; the last is the answer, and the device is out of D0 all the same. Interrupts that are
    /// [wake-capable](crate::Builder::wake_capable) stay connected.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: that callback failed, or panicked.
    /// - What [`disable`](crate::InterruptObject::disable) says of an interrupt.
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enter_d0`](Self::enter_d0). Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Device, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// device.enter_d0()?;
    /// assert_eq!(device.exit_d0()?, Transition::Done);
    /// assert_eq!(device.exit_d0()?, Transition::Already);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "OnD0Exit")]
    #[doc(alias = "EvtDeviceD0Exit")]
    pub fn exit_d0(&self) -> Result<Transition, Error> {
        self.transition(|power, interrupts| {
            if !power.in_d0 {
                return Ok(Transition::Already);
            }
            power.in_d0 = false;
            let called = self.call(power, DeviceCallback::DisablingInterrupts);
            let down = self.bring_down(power, interrupts);
            // The later error is the answer.
            down.and(called).map(|()| Transition::Done)
        })
    }

    fn bring_up(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        // Those that are asleep come first: what woke the device is served before anybody else connects.
        interrupts.iter().try_for_each(|interrupt| interrupt.awake())?;
        interrupts.iter().try_for_each(|interrupt| interrupt.power_up())?;
        self.call(power, DeviceCallback::InterruptsEnabled)
    }

    /// Leaves D0, as an exit does but for its first callback. The last error is the answer.
    pub(super) fn fall_out_of_d0(
        &self,
        power: &mut Power,
        interrupts: &[Arc<dyn DeviceInterrupt>],
    ) -> Result<(), Error> {
        if !core::mem::take(&mut power.in_d0) {
            return Ok(());
        }
        self.bring_down(power, interrupts)
    }

    /// The last error is the answer.
    fn bring_down(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        let mut last = Ok(());
        for interrupt in interrupts.iter().rev() {
            last = interrupt.power_down().and(last);
        }
        self.call(power, DeviceCallback::D0Exit).and(last)
    }

    fn call(&self, power: &mut Power, callback: DeviceCallback) -> Result<(), Error> {
        self.run(callback, || power.callbacks.call(callback))
    }

    /// Runs a callback under the callback lock.
    pub(super) fn run(
        &self,
        callback: DeviceCallback,
        run: impl FnOnce() -> Result<(), CallbackError>,
    ) -> Result<(), Error> {
        self.try_serialize(run)
            .map_err(|why| self.would_deadlock(why))?
            .map_err(|error| Error::new(self.name().clone(), ErrorKind::DeviceCallback { callback, error }))
    }

    /// Keeps every other transition of this device away, or says why this one would wait for itself.
    pub(super) fn transition<R>(
        &self,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.look_for_own_sections()?;
        let power = {
            // SAFETY: only to know the owner.
            let lock = unsafe { self.0.power.raw() };
            let _waits = Waits::register([lock.awaited()]).map_err(|_| {
                self.would_deadlock("called from a transition of the device, or one that another waits for")
            })?;
            self.0.power.lock()
        };
        self.in_transition(power, steps)
    }

    /// Whether the calling thread is inside of what a transition waits for is looked at before anything is done. That does
    /// not stay announced: each step announces its own, so nobody is refused for the sake of a wait that is to come.
    pub(super) fn look_for_own_sections(&self) -> Result<(), Error> {
        if sync::is_in_isr() {
            return Err(self.would_deadlock("called from an ISR"));
        }
        Waits::register([self.callback_lock().awaited()])
            .and_then(|_| self.interrupts().iter().try_for_each(|interrupt| interrupt.announce().map(drop)))
            .map_err(|_| self.would_deadlock("this thread is inside of a part of it"))
    }

    fn would_deadlock(&self, why: &'static str) -> Error {
        Error::new(self.name().clone(), ErrorKind::WouldDeadlock { why })
    }

    /// The steps of a transition, and what follows it.
    pub(super) fn in_transition<R>(
        &self,
        mut power: MutexGuard<'_, RawInterruptLock, Power>,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> R,
    ) -> R {
        let interrupts = self.interrupts();
        let done = steps(&mut power, &interrupts);
        // Before the interrupts: if one was dropped meanwhile, its threads are joined here.
        drop(power);
        self.follow_wakes(&interrupts);
        drop(interrupts);
        done
    }
}
