//! A device's mode, held by the sources of that mode.

use std::{format, sync::Arc};

use crate::cause::SourceError;
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::system::vfio::{self, Irqs};
use crate::system::{device_failed, refused};

/// The right to a device's interrupts of one mode. Dropping it disables them and frees the device for another mode.
pub(super) struct Reservation {
    pub(super) device: Arc<OpenDevice>,
    pub(super) mode: Mode,
    /// The interrupts of this mode that the device has: at least one.
    pub(super) irqs: Irqs,
}

impl Reservation {
    pub(super) fn new(device: Arc<OpenDevice>, mode: Mode) -> Result<Self, SourceError> {
        device.check_here()?;
        let irqs = vfio::irqs(device.device(), mode.index()).map_err(device_failed("asking for its interrupts"))?;
        if irqs.count == 0 {
            return Err(refused(format!("it has no {}", mode.name())));
        }
        device.mode.enter(mode).map_err(|used| {
            refused(format!("its {} is in use already, and INTx, MSI and MSI-X exclude one another", used.name()))
        })?;
        Ok(Self { device, mode, irqs })
    }

    pub(super) const fn index(&self) -> u32 {
        self.mode.index()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.device.is_here() {
            return;
        }
        // This fails if nothing is enabled. Closing the device disables what is left in any case.
        let _ = vfio::disable(self.device.device(), self.index());
        self.device.mode.leave();
    }
}
