//! What the device that an interrupt belongs to asks of it (rules E5, P4), and what it asks of its device (W5, E9).

use crate::interrupt::InterruptObject;
#[cfg(feature = "alloc")]
use crate::interrupt::attached::Attached;
#[cfg(feature = "alloc")]
use crate::interrupt::attached::Membership;
use crate::interrupt::attached::Parent;
use crate::interrupt::state::{ASLEEP, ENABLED, ENDED, FAULTED, KEPT_DISABLED, REMOVED, WAKES};
use crate::observe::events;
use crate::{Error, ErrorKind, SourceError};

impl<T, W> InterruptObject<T, W> {
    #[cfg(feature = "alloc")]
    pub(crate) fn join_device(&mut self, membership: Membership) {
        self.membership = Some(Attached::new(membership));
    }

    /// The device that it belongs to.
    pub(crate) fn parent(&self) -> Option<&dyn Parent> {
        self.membership.as_deref().map(|membership| &*membership.device)
    }

    /// The device whose callback lock its work item needs.
    pub(in crate::interrupt) fn serializer(&self) -> Option<&dyn Parent> {
        self.membership.as_deref().filter(|membership| membership.serialized).map(|membership| &*membership.device)
    }

    /// Its device enters D0.
    pub(crate) fn enter_power(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.has(KEPT_DISABLED | ENDED) {
            return Ok(());
        }
        match self.enable_in(&transition) {
            // It has no resources, and has said so before any callback.
            Err(error) if matches!(error.kind(), ErrorKind::Source(SourceError::NotGranted { .. })) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// Its device leaves D0. A wake-capable one stays connected, and withholds what is asserted from now on.
    pub(crate) fn leave_power(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.has(ENDED) {
            return Ok(());
        }
        if self.state.in_service() && self.membership.as_ref().is_some_and(|membership| membership.wake_capable) {
            let lock = transition.lock();
            // With the lock held: an ISR that was running has ended.
            self.state.set(ASLEEP);
            events::asleep(self.name());
            drop(lock);
            return Ok(());
        }
        self.disable_in(&transition).map(|_| ())
    }

    /// Its device is to be reset.
    pub(crate) fn quiesce(&self) -> Result<bool, Error> {
        let transition = self.begin()?;
        if self.state.has(ASLEEP | ENDED | REMOVED | KEPT_DISABLED) || !self.state.has(ENABLED | FAULTED) {
            return Ok(false);
        }
        // What its callback says of a device that is about to be reset is of no consequence.
        let _ = self.disable_in(&transition);
        self.clear_fault_in(&transition);
        Ok(!self.state.has(REMOVED))
    }

    /// Its device is up: if it was asleep, the ISR runs for what it has kept.
    pub(crate) fn awake(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        let mut data = transition.lock();
        if self.state.has(ASLEEP) {
            self.state.take(ASLEEP | WAKES);
            events::awake(self.name());
            self.deliver_withheld(&mut data);
        }
        Ok(())
    }

    /// Has the device brought up, if an assertion was kept that wakes it, unless the caller is inside of another
    /// section of this interrupt: then the end of that one does.
    #[cold]
    pub(in crate::interrupt) fn ask_for_power(&self) {
        if self.state.has(WAKES) && self.section_of_this_thread().is_none() {
            self.schedule_wake();
        }
    }

    /// The worker does it; without one it is done here.
    pub(crate) fn schedule_wake(&self) {
        if self.dispatch.as_ref().is_some_and(|dispatch| dispatch.schedule_anyway(self.name())) {
            return;
        }
        self.wake_device();
    }

    /// Brings the device up, if an assertion was kept that wakes it.
    pub(crate) fn wake_device(&self) {
        if let Some(device) = self.parent().filter(|_| self.state.has(WAKES)) {
            device.wake(&mut || _ = self.state.take(WAKES));
        }
    }

    /// Whether it still waits for its device to be brought up.
    pub(crate) fn wakes(&self) -> bool {
        self.state.has(WAKES)
    }
}
