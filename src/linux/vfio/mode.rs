//! Which of its three ways to signal a device uses: INTx, MSI and MSI-X exclude one another.

use std::{format, sync::Arc};

use lock_api::Mutex;
use vfio_bindings::bindings::vfio::{VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX};

use crate::linux::vfio::device::Inner;
use crate::linux::vfio::ioctl;
use crate::system::{device_failed, refused};
use crate::{RawInterruptLock, SourceError};

/// A way to signal; its number is VFIO's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Mode {
    Intx = VFIO_PCI_INTX_IRQ_INDEX,
    Msi = VFIO_PCI_MSI_IRQ_INDEX,
    Msix = VFIO_PCI_MSIX_IRQ_INDEX,
}

impl Mode {
    pub(super) const fn index(self) -> u32 {
        self as u32
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Intx => "INTx",
            Self::Msi => "MSI",
            Self::Msix => "MSI-X",
        }
    }
}

/// The mode that a device is in.
pub(super) struct Modes(Mutex<RawInterruptLock, Option<Mode>>);

// A mode is a plain value: no panic leaves it half done.
impl std::panic::RefUnwindSafe for Modes {}

impl Default for Modes {
    fn default() -> Self {
        Self(Mutex::from_raw(RawInterruptLock::new(), None))
    }
}

impl Modes {
    pub(super) fn current(&self) -> Option<Mode> {
        *self.0.lock()
    }
}

/// A device's mode, held by the sources of that mode. Dropping it disables them and sets the device free for another.
pub(super) struct Reservation {
    pub(super) device: Arc<Inner>,
    mode: Mode,
    /// How many interrupts of this kind the device has: at least one.
    pub(super) count: u32,
}

impl Reservation {
    pub(super) fn new(device: Arc<Inner>, mode: Mode) -> Result<Self, SourceError> {
        let count =
            ioctl::irq_count(device.device(), mode.index()).map_err(device_failed("asking for its interrupts"))?;
        if count == 0 {
            return Err(refused(format!("it has no {}", mode.name())));
        }
        let Modes(current) = &device.modes;
        let mut current = current.lock();
        if let Some(used) = *current {
            return Err(refused(format!(
                "its {} is in use already, and INTx, MSI and MSI-X exclude one another",
                used.name()
            )));
        }
        *current = Some(mode);
        drop(current);
        Ok(Self { device, mode, count })
    }

    pub(super) const fn index(&self) -> u32 {
        self.mode.index()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // It fails if nothing is enabled, and closing the device disables what is left in any case.
        let _ = ioctl::disable(self.device.device(), self.index());
        *self.device.modes.0.lock() = None;
    }
}
