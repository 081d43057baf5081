//! Which of its three ways to signal a device uses: INTx, MSI and MSI-X exclude one another.

use lock_api::Mutex;
use vfio_bindings::bindings::vfio::{VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX};

use crate::lock::RawInterruptLock;

/// A way to signal. Its number is VFIO's index.
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

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Intx => "INTx",
            Self::Msi => "MSI",
            Self::Msix => "MSI-X",
        }
    }
}

/// The mode that a device is in, if any.
pub(super) struct CurrentMode(Mutex<RawInterruptLock, Option<Mode>>);

// A mode is a plain value: no panic leaves it half done.
impl std::panic::RefUnwindSafe for CurrentMode {}

impl Default for CurrentMode {
    fn default() -> Self {
        Self(Mutex::from_raw(RawInterruptLock::new(), None))
    }
}

impl CurrentMode {
    pub(super) fn get(&self) -> Option<Mode> {
        *self.0.lock()
    }

    /// Puts a device without a mode into `mode`. Fails with the mode that it is in already.
    pub(super) fn enter(&self, mode: Mode) -> Result<(), Mode> {
        let mut current = self.0.lock();
        match *current {
            Some(used) => Err(used),
            None => {
                *current = Some(mode);
                Ok(())
            }
        }
    }

    pub(super) fn leave(&self) {
        *self.0.lock() = None;
    }
}
