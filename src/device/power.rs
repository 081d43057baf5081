//! Entering and leaving D0 (rule E5).

use alloc::sync::Arc;
use alloc::vec::Vec;

use lock_api::MutexGuard;

use crate::answer::Transition;
use crate::cause::{CallbackError, SourceError};
use crate::circle::{Circle, Kind};
use crate::device::callbacks::Callbacks;
use crate::device::{Device, DeviceInterrupt};
use crate::error::{Error, ErrorKind};
use crate::fault::DeviceCallback;
use crate::lock::raw::{NotAcquired, RawInterruptLock, lock_until, stop_masking};
use crate::lock::waits::Label;
use crate::name::Name;
use crate::sync;

/// Enables the interrupts, in order. Returns the names of those without a message vector.
pub(super) fn enable<'a>(
    interrupts: impl IntoIterator<Item = &'a Arc<dyn DeviceInterrupt>>,
) -> Result<Vec<Name>, Error> {
    let mut not_granted = Vec::new();
    for interrupt in interrupts {
        match interrupt.power_up() {
            // The source says so before any callback of the interrupt runs.
            Err(error) if matches!(error.kind(), ErrorKind::Source(SourceError::NotGranted { .. })) => {
                not_granted.push(interrupt.name().clone());
            }
            answer => answer?,
        }
    }
    Ok(not_granted)
}

/// Returns the error of the later step, or else that of the earlier one. Frees the other.
fn later(earlier: Result<(), Error>, later: Result<(), Error>) -> Result<(), Error> {
    if later.is_ok() {
        return earlier;
    }
    sync::free_silently(earlier);
    later
}

fn would_deadlock(answer: &Result<(), Error>) -> bool {
    matches!(answer, Err(error) if matches!(error.kind(), ErrorKind::WouldDeadlock { .. }))
}

/// Returns the error of a step that would have waited for ever. Frees any other.
fn step(answer: Result<(), Error>) -> Result<(), Error> {
    if would_deadlock(&answer) {
        return answer;
    }
    sync::free_silently(answer);
    Ok(())
}

/// What [`Device::enter_d0`] has done, for the driver that called it.
///
/// It is equal to the [`Transition`] that it has made.
///
/// ```
/// use interrupt_lock::{Device, Transition};
///
/// let device = Device::builder("nic").build();
/// let entry = device.enter_d0()?;
/// assert_eq!(entry, Transition::Done);
/// for name in entry.not_granted() {
///     eprintln!("{name} has no message vector: its queue is not used");
/// }
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct D0Entry {
    transition: Transition,
    not_granted: Vec<Name>,
}

impl D0Entry {
    /// Returns whether the device had to do anything.
    ///
    /// ```
    /// use interrupt_lock::{Device, Transition};
    ///
    /// let device = Device::builder("nic").build();
    /// device.enter_d0()?;
    /// assert_eq!(device.enter_d0()?.transition(), Transition::Already);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn transition(&self) -> Transition {
        self.transition
    }

    /// Returns the names of the interrupts whose message vectors were not granted ([rule
    /// I11](crate::guide::contract#i11)). They stay disabled, and none of their callbacks has run.
    ///
    /// Their [`check`](crate::InterruptObject::check) returns the reason.
    ///
    /// ```
    /// let device = interrupt_lock::Device::builder("nic").build();
    /// assert!(device.enter_d0()?.not_granted().is_empty());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn not_granted(&self) -> &[Name] {
        &self.not_granted
    }
}

impl PartialEq<Transition> for D0Entry {
    fn eq(&self, transition: &Transition) -> bool {
        self.transition == *transition
    }
}

/// Whether the device is in D0, and its power callbacks.
pub(super) struct Power {
    in_d0: bool,
    /// The device is in D0, and an exit was refused half way: its disabling-interrupts callback has run, and does not run
    /// again.
    announced: bool,
    callbacks: Callbacks,
}

impl Power {
    pub(super) fn off(callbacks: Callbacks) -> Self {
        Self { in_d0: false, announced: false, callbacks }
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
    /// - interrupts on message vectors that were not granted ([rule I11](crate::guide::contract#i11)). The returned
    ///   [`D0Entry`] names them.
    ///
    /// An interrupt that is built while the device is in D0 stays disabled, until the driver enables it or the device
    /// enters D0 again.
    ///
    /// It waits for the device's other transitions, and for the callback lock. If the device is in D0, it does nothing,
    /// and the [`D0Entry`] says so.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: a callback of the device failed, or panicked.
    /// - The error of [`enable`](crate::InterruptObject::enable) for the first interrupt that could not be enabled. The
    ///   error names that interrupt. A faulted interrupt can't be enabled: clear its fault first.
    /// - [`ErrorKind::WouldDeadlock`]: it would wait for itself. The calling thread is in an ISR or in a callback of the
    ///   device or of one of its interrupts, or it holds the callback lock or the lock of one of these interrupts, or
    ///   another thread in such a place waits for the calling thread. If the first step was refused, the device has done
    ///   nothing. If a later one was, the steps have been undone.
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
    pub fn enter_d0(&self) -> Result<D0Entry, Error> {
        self.transition(|power, interrupts| self.bring_to_d0(power, interrupts))
    }

    pub(super) fn bring_to_d0(
        &self,
        power: &mut Power,
        interrupts: &[Arc<dyn DeviceInterrupt>],
    ) -> Result<D0Entry, Error> {
        if power.in_d0 && power.announced {
            // Finishes the exit that was refused half way. The errors of its callbacks are dropped.
            step(self.bring_down(power, interrupts))?;
        }
        if power.in_d0 {
            return Ok(D0Entry { transition: Transition::Already, not_granted: Vec::new() });
        }
        self.call(power, DeviceCallback::D0Entry)?;
        match self.bring_up(power, interrupts) {
            Ok(not_granted) => {
                power.in_d0 = true;
                Ok(D0Entry { transition: Transition::Done, not_granted })
            }
            Err(error) => {
                // Returns the first error, not those of the undoing.
                sync::free_silently(self.bring_down(power, interrupts));
                Err(error)
            }
        }
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
    /// An error stops none of these steps, unless it is [`ErrorKind::WouldDeadlock`]. The device has then left D0, and the
    /// method returns the last error.
    ///
    /// It waits for the device's other transitions, for the callback lock, and for the ISRs and work items that it
    /// disables. Returns [`Transition::Already`] if the device is not in D0.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::DeviceCallback`]: a callback of the device failed, or panicked.
    /// - The error of [`disable`](crate::InterruptObject::disable) for an interrupt.
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enter_d0`](Self::enter_d0). If the first step was refused, the device has
    ///   done nothing. If a later one was, because a circle of waits came into being meanwhile ([rule
    ///   L13](crate::guide::contract#l13)), the other steps have been made. Call it again: it goes on with that step.
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
            let called = self.announce_exit(power);
            if would_deadlock(&called) {
                return called.map(|()| Transition::Done);
            }
            let down = self.bring_down(power, interrupts);
            later(called, down).map(|()| Transition::Done)
        })
    }

    /// Enables the interrupts. Returns the names of those without a message vector.
    fn bring_up(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<Vec<Name>, Error> {
        // Sleeping interrupts come first: the assertion that woke the device is served before other interrupts connect.
        interrupts.iter().try_for_each(|interrupt| interrupt.awake())?;
        let not_granted = enable(interrupts)?;
        self.call(power, DeviceCallback::InterruptsEnabled)?;
        Ok(not_granted)
    }

    /// Leaves D0 as `exit_d0` does, but without the disabling-interrupts callback. Returns the last error.
    pub(super) fn leave_d0(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        if !power.in_d0 {
            return Ok(());
        }
        self.bring_down(power, interrupts)
    }

    /// Disables the interrupts and runs the D0-exit callback. Returns the last error.
    fn bring_down(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        let mut last = Ok(());
        for interrupt in interrupts.iter().rev() {
            last = later(last, interrupt.power_down(false));
        }
        let exit = self.call(power, DeviceCallback::D0Exit);
        // If it was refused, the device still has power, and a later exit goes on from here.
        power.in_d0 = would_deadlock(&exit);
        power.announced = power.in_d0;
        later(last, exit)
    }

    /// Calls the disabling-interrupts callback, unless an exit that was refused later has called it.
    fn announce_exit(&self, power: &mut Power) -> Result<(), Error> {
        if power.announced {
            return Ok(());
        }
        let called = self.call(power, DeviceCallback::DisablingInterrupts);
        power.announced = !would_deadlock(&called);
        called
    }

    /// Leaves D0 for good: as `exit_d0`, but no interrupt stays connected. Nobody is left to be told of errors.
    ///
    /// Returns an error only if a step would have waited for ever. The next call goes on with that step.
    pub(super) fn retire(&self, power: &mut Power, interrupts: &[Arc<dyn DeviceInterrupt>]) -> Result<(), Error> {
        if power.in_d0 {
            step(self.announce_exit(power))?;
        }
        interrupts.iter().rev().try_for_each(|interrupt| step(interrupt.power_down(true)))?;
        if power.in_d0 {
            step(self.call(power, DeviceCallback::D0Exit))?;
            power.in_d0 = false;
            power.announced = false;
        }
        Ok(())
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
        // A callback may have forked.
        self.check_here()?;
        self.serialize(run, false)
            .map_err(|circle| self.would_deadlock("its callback lock can't be waited for", circle))?
            .map_err(|error| Error::new(self.name().clone(), ErrorKind::DeviceCallback { callback, error }))
    }

    /// Runs the steps of a transition, with every other transition of the device excluded. Refuses a transition that
    /// would wait for itself.
    pub(super) fn transition<R>(
        &self,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.check_here()?;
        self.refuse_inside_own_sections()?;
        let power = match lock_until(&self.0.power, None, Label::of(Kind::Power, self.name())) {
            Ok(power) => power,
            Err(NotAcquired::Circle(circle)) => {
                return Err(self.would_deadlock("another thread makes a transition of the device", Some(circle)));
            }
            Err(_) => return Err(self.would_deadlock("called from a transition of the device", None)),
        };
        self.in_transition(power, steps)
    }

    /// Refuses a transition before its first step, if the calling thread is inside something that the transition would
    /// wait for.
    pub(super) fn refuse_inside_own_sections(&self) -> Result<(), Error> {
        let why = if sync::is_in_isr() {
            Some("called from an ISR")
        } else if self.raw_callback_lock().is_mine() {
            Some("called with the callback lock held")
        } else {
            self.interrupts().iter().find_map(|interrupt| interrupt.section_of_this_thread())
        };
        why.map_or(Ok(()), |why| Err(self.would_deadlock(why, None)))
    }

    fn would_deadlock(&self, why: &'static str, circle: Option<Circle>) -> Error {
        Error::new(self.name().clone(), ErrorKind::WouldDeadlock { why, circle })
    }

    /// Runs the steps of a transition, then the wake-ups that were left to it.
    pub(super) fn in_transition<R>(
        &self,
        mut power: MutexGuard<'_, RawInterruptLock, Power>,
        steps: impl FnOnce(&mut Power, &[Arc<dyn DeviceInterrupt>]) -> R,
    ) -> R {
        stop_masking(&power);
        let interrupts = self.interrupts();
        let done = steps(&mut power, &interrupts);
        // Released before `interrupts` is dropped: if an interrupt was dropped in the meantime, that joins its threads.
        drop(power);
        self.follow_wakes(&interrupts);
        // Each by itself: it may be the last reference to its object.
        interrupts.into_iter().for_each(sync::free_silently);
        done
    }
}
