//! D0 entry and exit (rule E5).

use alloc::sync::Arc;

use super::callbacks::{Callbacks, DeviceCallback};
use super::{Device, Member};
use crate::waits::{Awaited, Waits};
use crate::{Error, Transition, sync};

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
    /// In order: the D0-entry callback, every interrupt enabled in the order in which they were built, the
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
    /// - [`Error::DeviceCallback`]: that callback failed, or panicked.
    /// - What [`enable`](crate::InterruptObject::enable) says of the first interrupt that could not be enabled, its name
    ///   included. A quarantined interrupt is one: clear its fault first.
    /// - [`Error::WouldDeadlock`]: called from an ISR, from a callback of the device or of one of its interrupts, with
    ///   one of their locks or the callback lock held, or in a circle with another thread's. Nothing has been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Error, Interrupt, State, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// let good = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// let bad = Interrupt::builder(())
    ///     .name("bad")
    ///     .device(&device)
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|_| Err("no clock"))
    ///     .build()?;
    /// let Err(Error::EnableCallback { interrupt, .. }) = device.enter_d0() else { panic!() };
    /// assert_eq!(interrupt.as_str(), "bad");
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
        self.transition(|power, members| {
            if power.in_d0 {
                return Ok(Transition::Already);
            }
            self.call(power, DeviceCallback::D0Entry)?;
            if let Err(error) = self.bring_up(power, members) {
                // What caused it is the answer, not what follows from it.
                let _ = self.bring_down(power, members);
                return Err(error);
            }
            power.in_d0 = true;
            Ok(Transition::Done)
        })
    }

    /// Takes the device down (rule E5): *D0 exit*.
    ///
    /// In order: the disabling-interrupts callback, the interrupts disabled in reverse, the D0-exit callback. An error
    /// stops none of it; the last is the answer, and the device is out of D0 all the same.
    ///
    /// # Errors
    ///
    /// - [`Error::DeviceCallback`]: that callback failed, or panicked.
    /// - What [`disable`](crate::InterruptObject::disable) says of an interrupt.
    /// - [`Error::WouldDeadlock`]: as for [`enter_d0`](Self::enter_d0). Nothing has been done.
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
        self.transition(|power, members| {
            if !power.in_d0 {
                return Ok(Transition::Already);
            }
            power.in_d0 = false;
            let called = self.call(power, DeviceCallback::DisablingInterrupts);
            let down = self.bring_down(power, members);
            // The later error is the answer.
            down.and(called).map(|()| Transition::Done)
        })
    }

    fn bring_up(&self, power: &mut Power, members: &[Arc<dyn Member>]) -> Result<(), Error> {
        members.iter().try_for_each(|member| member.power_up())?;
        self.call(power, DeviceCallback::InterruptsEnabled)
    }

    /// The last error is the answer.
    fn bring_down(&self, power: &mut Power, members: &[Arc<dyn Member>]) -> Result<(), Error> {
        let mut last = Ok(());
        for member in members.iter().rev() {
            last = member.power_down().and(last);
        }
        self.call(power, DeviceCallback::D0Exit).and(last)
    }

    fn call(&self, power: &mut Power, callback: DeviceCallback) -> Result<(), Error> {
        let device = || self.name().clone();
        self.try_serialize(|| power.callbacks.call(callback))
            .map_err(|why| Error::WouldDeadlock { interrupt: device(), why })?
            .map_err(|source| Error::DeviceCallback { device: device(), callback, source })
    }

    /// Keeps every other transition of this device away, or says why this one would wait for itself.
    fn transition<R>(
        &self,
        steps: impl FnOnce(&mut Power, &[Arc<dyn Member>]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let refused = |why| Error::WouldDeadlock { interrupt: self.name().clone(), why };
        if sync::is_in_isr() {
            return Err(refused("called from an ISR"));
        }
        // SAFETY: only to know the owner.
        let lock = Awaited::Lock(unsafe { self.0.power.raw() });
        // All of it is looked at before anything is done. What stays announced is only what is being waited for: each
        // step announces its own, so nobody is refused for the sake of a wait that is to come.
        Waits::announce([lock, Awaited::Lock(self.callback_lock())])
            .and_then(|_| self.members().iter().try_for_each(|member| member.announce().map(drop)))
            .map_err(|_| refused("this thread is inside of a part of it"))?;
        let mut power = {
            let _waits = Waits::announce([lock])
                .map_err(|_| refused("another thread's transition waits for what this thread holds"))?;
            self.0.power.lock()
        };
        let members = self.members();
        let done = steps(&mut power, &members);
        // Before the interrupts: if one was dropped meanwhile, its threads are joined here.
        drop(power);
        drop(members);
        done
    }
}
