//! Entering and leaving D0 (rule E5).

use alloc::sync::Arc;

use lock_api::MutexGuard;

use crate::cause::CallbackError;
use crate::device::callbacks::Callbacks;
use crate::device::{Device, DeviceInterrupt};
use crate::error::{Error, ErrorKind};
use crate::fault::DeviceCallback;
use crate::interrupt::Transition;
use crate::lock::raw::RawInterruptLock;
use crate::lock::waits::Waits;
use crate::sync;

/// Whether the device is in D0, and its power callbacks.
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
    /// Makes the device enter D0, which enables its interrupts ([rule E5](crate::guide::contract#e5)): the driver's *D0
    /// entry*.
    ///
    /// The steps, in order:
    ///
    /// 1. The D0-entry callback.
    /// 2. The ISRs of sleeping, wake-capable interrupts, for the assertions that they have withheld.
    /// 3. Every interrupt is enabled, in the order in which they were built.
    /// 4. The interrupts-enabled callback.
    ///
    /// If a step fails, the steps before it are undone: the interrupts are disabled in reverse order, and the D0-exit
    /// callback runs. The interrupt that failed gets no disable callback. If the D0-entry callback failed, nothing has
    /// to be undone. The method returns the first error, and ignores errors of the undoing.
    ///
    /// Two kinds of interrupts are passed over:
    ///
    /// - interrupts that the driver has [disabled](crate::InterruptObject::disable) and not enabled since,
    /// - interrupts on message vectors that were not granted.
    ///
    /// An interrupt that is built while the device is in D0 stays disabled, until the driver enables it or the device
    /// enters D0 again.
    ///
    /// It waits for the device's other transitions, and for the callback lock. Returns [`Transition::Already`] if the
    /// device is in D0.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: a callback of the device failed, or panicked.
    /// - The error of [`enable`](crate::InterruptObject::enable) for the first interrupt that could not be enabled. The
    ///   error names that interrupt. A faulted interrupt can't be enabled: clear its fault first.
    /// - [`ErrorKind::WouldDeadlock`]: it would wait for itself. The device has done nothing. The calling thread is in
    ///   an ISR or in a callback of the device or of one of its interrupts, or it holds the callback lock or the lock
    ///   of one of these interrupts, or another thread in such a place waits for the calling thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Error, ErrorKind, Interrupt, State, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// let receive = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// let transmit = Interrupt::builder(())
    ///     .name("transmit")
    ///     .device(&device)
    ///     .isr(|_| Claim::Claimed)
    ///     .on_enable(|_| Err("no clock"))
    ///     .build()?;
    /// let error = device.enter_d0().unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::EnableCallback(_)));
    /// assert_eq!(error.name().as_str(), "transmit");
    /// assert_eq!(receive.state(), State::Disabled);
    ///
    /// drop(transmit);
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
            // Returns the first error, not those of the undoing.
            let _ = self.bring_down(power, interrupts);
            return Err(error);
        }
        power.in_d0 = true;
        Ok(Transition::Done)
    }

    /// Makes the device leave D0, which disables its interrupts ([rule E5](crate::guide::contract#e5)): the driver's
    /// *D0 exit*.
    ///
    /// The steps, in order:
    ///
    /// 1. The disabling-interrupts callback.
    /// 2. Every interrupt is disabled, in the reverse of the order in which they were built. Enabled
    ///    [wake-capable](crate::Builder::wake_capable) interrupts stay connected instead.
    /// 3. The D0-exit callback.
    ///
    /// An error stops none of these steps. The device has left D0 in any case, and the method returns the last error.
    ///
    /// It waits for the device's other transitions, for the callback lock, and for the ISRs and work items that it
    /// disables. Returns [`Transition::Already`] if the device is not in D0.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: a callback of the device failed, or panicked.
    /// - The error of [`disable`](crate::InterruptObject::disable) for an interrupt.
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enter_d0`](Self::enter_d0). The device has done nothing.
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
            // Returns the later error.
            down.and(called).map(|()| Transition::Done)
        })
    }

    fn bring_up(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        // Sleeping interrupts come first: the assertion that woke the device is served before other interrupts connect.
        interrupts.iter().try_for_each(|interrupt| interrupt.awake())?;
        interrupts.iter().try_for_each(|interrupt| interrupt.power_up())?;
        self.call(power, DeviceCallback::InterruptsEnabled)
    }

    /// Leaves D0 as `exit_d0` does, but without the disabling-interrupts callback. Returns the last error.
    pub(super) fn leave_d0(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        if !core::mem::take(&mut power.in_d0) {
            return Ok(());
        }
        self.bring_down(power, interrupts)
    }

    /// Disables the interrupts and runs the D0-exit callback. Returns the last error.
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

    /// Runs `callback`, which `run` calls, under the callback lock.
    pub(super) fn run(
        &self,
        callback: DeviceCallback,
        run: impl FnOnce() -> Result<(), CallbackError>,
    ) -> Result<(), Error> {
        self.try_serialize(run)
            .map_err(|why| self.would_deadlock(why))?
            .map_err(|error| Error::new(self.name().clone(), ErrorKind::DeviceCallback { callback, error }))
    }

    /// Runs the steps of a transition, with every other transition of the device excluded. Refuses a transition that
    /// would wait for itself.
    pub(super) fn transition<R>(
        &self,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.refuse_inside_own_sections()?;
        let power = {
            // SAFETY: this only looks at the owner; it does not release the lock.
            let lock = unsafe { self.0.power.raw() };
            let _waits = Waits::register([lock.awaited()]).map_err(|_| {
                self.would_deadlock("called from a transition of the device, or one that another waits for")
            })?;
            self.0.power.lock()
        };
        self.in_transition(power, steps)
    }

    /// Refuses a transition if the calling thread is inside something that the transition would wait for. Runs before
    /// the first step. These waits do not stay registered: each step registers its own. So no other thread is refused
    /// because of a wait that has not begun.
    pub(super) fn refuse_inside_own_sections(&self) -> Result<(), Error> {
        if sync::is_in_isr() {
            return Err(self.would_deadlock("called from an ISR"));
        }
        Waits::register([self.callback_lock().awaited()])
            .and_then(|_| self.interrupts().iter().try_for_each(|interrupt| interrupt.register_waits().map(drop)))
            .map_err(|_| self.would_deadlock("this thread is inside of a part of it"))
    }

    fn would_deadlock(&self, why: &'static str) -> Error {
        Error::new(self.name().clone(), ErrorKind::WouldDeadlock { why })
    }

    /// Runs the steps of a transition, then the wake-ups that were left to it.
    pub(super) fn in_transition<R>(
        &self,
        mut power: MutexGuard<'_, RawInterruptLock, Power>,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> R,
    ) -> R {
        let interrupts = self.interrupts();
        let done = steps(&mut power, &interrupts);
        // Released before `interrupts` is dropped: if an interrupt was dropped in the meantime, that joins its threads.
        drop(power);
        self.follow_wakes(&interrupts);
        drop(interrupts);
        done
    }
}
