//! What the device that an interrupt belongs to asks of it (rules E5, P4), and what it asks of its device (W5).

use alloc::boxed::Box;

use super::InterruptObject;
use crate::device::Membership;
use crate::state::{ENDED, KEPT_DISABLED};
use crate::{Device, Error, SourceError};

impl<T, W> InterruptObject<T, W> {
    /// The device that the interrupt belongs to (rule P4): *GetDevice*. `None` if it was built into none.
    ///
    /// ```
    /// use interrupt_lock::{Claim, Device, Interrupt};
    ///
    /// let device = Device::builder("nic").build();
    /// let interrupt = Interrupt::builder(()).device(&device).isr(|_| Claim::Claimed).build()?;
    /// assert_eq!(interrupt.device(), Some(&device));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "GetDevice")]
    #[doc(alias = "WdfInterruptGetDevice")]
    pub fn device(&self) -> Option<&Device> {
        self.membership.as_ref().map(|membership| &membership.device)
    }

    pub(crate) fn join(&mut self, membership: Membership) {
        self.membership = Some(Box::new(membership));
    }

    /// The device whose callback lock its work item needs.
    pub(super) fn serializer(&self) -> Option<&Device> {
        self.membership.as_deref().filter(|membership| membership.serialized).map(|membership| &membership.device)
    }

    /// Its device enters D0.
    pub(crate) fn enter_power(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.has(KEPT_DISABLED | ENDED) {
            return Ok(());
        }
        match self.enable_in(&transition) {
            // It has no resources, and has said so before any callback.
            Err(Error::Source { source: SourceError::NotGranted { .. }, .. }) => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// Its device leaves D0.
    pub(crate) fn leave_power(&self) -> Result<(), Error> {
        let transition = self.begin()?;
        if self.state.has(ENDED) {
            return Ok(());
        }
        self.disable_in(&transition).map(|_| ())
    }
}
