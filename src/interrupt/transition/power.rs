//! What a device asks of its interrupts (rule E5), and what an interrupt asks of its device (W5, E9).

use crate::answer::State;
use crate::error::Error;
use crate::interrupt::InterruptObject;
use crate::interrupt::attached::Parent;
#[cfg(feature = "alloc")]
use crate::interrupt::attached::{Attached, Membership};
use crate::interrupt::state::{Event, KEPT_DISABLED, Phase, WAKES};
use crate::observe::events;

impl<T, W> InterruptObject<T, W> {
    #[cfg(feature = "alloc")]
    pub(crate) fn join_device(&mut self, membership: Membership) {
        self.membership = Some(Attached::new(membership));
    }

    /// The device that the interrupt belongs to.
    pub(crate) fn parent(&self) -> Option<&dyn Parent> {
        self.membership.as_deref().map(|membership| &*membership.device)
    }

    /// The device whose callback lock the work item needs.
    pub(in crate::interrupt) fn serializer(&self) -> Option<&dyn Parent> {
        self.membership.as_deref().filter(|membership| membership.serialized).map(|membership| &*membership.device)
    }

    /// Enables the interrupt as its device enters D0, unless the driver keeps it disabled.
    pub(crate) fn power_up(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.has(KEPT_DISABLED) || self.state.phase() == Phase::Ended {
            return Ok(());
        }
        self.enable_in(&transition).map(|_| ())
    }

    /// Disables the interrupt as its device leaves D0. A wake-capable interrupt stays connected, and withholds what is
    /// asserted from now on, unless the device leaves D0 for good.
    pub(crate) fn power_down(&self, for_good: bool) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.phase() == Phase::Ended {
            return Ok(());
        }
        if !for_good && self.membership.as_ref().is_some_and(|membership| membership.wake_capable) {
            let lock = transition.lock()?;
            // With the lock held: an ISR that was running has ended.
            let falls_asleep = self.state.apply(Event::Sleep).is_some();
            let sleeps = self.state.phase() == Phase::Asleep;
            drop(lock);
            if falls_asleep {
                events::asleep(self.name());
            }
            if sleeps {
                return Ok(());
            }
        }
        self.disable_in(&transition).map(|_| ())
    }

    /// Disables the interrupt, and clears its fault, before its device is reset. Returns whether it has to be enabled
    /// after the reset.
    pub(crate) fn quiesce(&self) -> Result<bool, Error> {
        let transition = self.begin()?;
        if self.state.has(KEPT_DISABLED) || !matches!(self.state.phase(), Phase::Enabled | Phase::Faulted) {
            return Ok(false);
        }
        // Ignore an error of the callback: the device is about to be reset. But the work item must not run on.
        let disabled = self.disable_in(&transition);
        if !self.is_flushed() {
            return disabled.map(|_| false);
        }
        self.free(disabled);
        let cleared = self.clear_fault_in(&transition)?;
        self.free(cleared);
        Ok(self.state.snapshot() == State::Disabled)
    }

    /// Resumes delivery as its device is in D0 again: if the interrupt was asleep, runs the ISR for what was withheld.
    pub(crate) fn awake(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        let mut data = transition.lock()?;
        if self.state.apply(Event::Awake).is_some() {
            self.state.take(WAKES);
            events::awake(self.name());
            self.deliver_withheld(&mut data);
            // A run that ended while the interrupt slept may have left the line masked.
            self.make_left_unmask(&mut data);
            self.make_up_for_unmask();
        }
        Ok(())
    }

    /// Lets the device enter D0, if an assertion is withheld that wakes it. If the caller is inside another section of
    /// this interrupt, the end of that section does so.
    #[cold]
    pub(in crate::interrupt) fn ask_for_power(&self) {
        if self.state.has(WAKES) && self.section_of_this_thread().is_none() {
            self.schedule_wake();
        }
    }

    /// Lets the worker call `wake_device`. Without a worker, calls it here.
    pub(crate) fn schedule_wake(&self) {
        if self.dispatch().is_some_and(|dispatch| dispatch.schedule_anyway(self.name())) {
            return;
        }
        self.wake_device();
    }

    /// Brings the device to D0, if an assertion is withheld that wakes it.
    pub(crate) fn wake_device(&self) {
        if let Some(device) = self.parent().filter(|_| self.state.has(WAKES)) {
            device.wake(&mut || _ = self.state.take(WAKES));
        }
    }

    /// Whether an assertion still waits for the device to be in D0.
    pub(crate) fn wakes(&self) -> bool {
        self.state.has(WAKES)
    }
}
