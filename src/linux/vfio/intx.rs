//! The line of a VFIO device.

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Waker,
};

use crate::cause::SourceError;
use crate::info::Info;
use crate::linux::pci::STATUS;
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::vfio::reservation::Reservation;
use crate::linux::{eventfd, pci};
use crate::source::{Ready, Removal, Source};
use crate::system::{Failure, device_failed, take_count, vfio};

/// The INTx line of a PCI device, as a [level](crate::Trigger::Level) source for an interrupt.
///
/// The kernel masks the line as it signals. [`unmask`](Source::unmask) unmasks it. If the device still asserts the line
/// then, it signals again at once. Other devices may share the line.
///
/// [`PciDevice::intx`](super::PciDevice::intx) returns it. Dropping it disconnects the line and frees the device for its
/// other ways to signal.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{linux::vfio::PciDevice, source::Source};
///
/// let mut source = PciDevice::open("0000:00:04.0")?.intx()?;
/// source.connect(std::task::Waker::noop())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Intx {
    reservation: Reservation,
    event: OwnedFd,
    connected: bool,
}

impl Intx {
    pub(super) fn new(device: Arc<OpenDevice>) -> Result<Self, SourceError> {
        Ok(Self { reservation: Reservation::new(device, Mode::Intx)?, event: eventfd::create()?, connected: false })
    }

    fn device(&self) -> BorrowedFd<'_> {
        self.reservation.device.device()
    }

    /// Lets the device assert its line, or keeps it from that, through VFIO's copy of the command register. A write
    /// there masks and unmasks the line as well. Not while the device may interrupt: VFIO reads the device's register
    /// and writes it back, and VFIO's handler changes that register too.
    fn let_assert(&self, on: bool, doing: &'static str) -> Result<(), SourceError> {
        self.reservation.device.config.disable_intx(!on, doing)
    }

    /// Unmasks the line by a system call. VFIO's unmask eventfd would cost the same, but it reports no error and leaves
    /// signalling again to another thread of the kernel.
    fn unmask_line(&self) -> Result<(), SourceError> {
        vfio::unmask(self.device(), self.reservation.index()).map_err(device_failed("unmasking the VFIO INTx line"))
    }
}

/// Unmasks a connected line that a reset may have left masked, and has it signal if it is asserted.
///
/// VFIO looks at the device's own status bit as it unmasks, and it does so only for a line that it has masked.
pub(super) fn look_again(device: &OpenDevice) -> Result<(), Failure> {
    let index = Mode::Intx.index();
    vfio::mask(device.device(), index)?;
    vfio::unmask(device.device(), index)
}

impl Source for Intx {
    fn info(&self) -> Info {
        pci::line(&self.reservation.device.sysfs)
    }

    fn sysfs(&self) -> Option<std::path::PathBuf> {
        Some(self.reservation.device.sysfs.clone())
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.event.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        // The device may assert only once VFIO's handler is there. VFIO then looks at the device's own status bit. Without
        // that the interrupt controller may miss a line that was asserted before (QEMU's does).
        const DOING: &str = "connecting the VFIO INTx line";
        let connect = |this: &mut Self| {
            this.let_assert(false, DOING)?;
            vfio::set_trigger(this.device(), this.reservation.index(), 0, Some(this.event.as_fd()))
                .map_err(device_failed(DOING))?;
            this.connected = true;
            this.let_assert(true, DOING)
        };
        connect(self).inspect_err(|_| {
            // The first error is reported.
            let _ = self.disconnect();
        })
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        if self.connected {
            // Silence the device first. If it went on asserting, that would be a storm for the devices that share the
            // line, and in the end the kernel would disable the line for them all. The mask is a system call, because a
            // write to the command register may undo what VFIO's handler does to it at that moment. The write at the end
            // then keeps the device silent.
            const DOING: &str = "disconnecting the VFIO INTx line";
            let (device, index) = (self.device(), self.reservation.index());
            vfio::mask(device, index).and_then(|()| vfio::disable(device, index)).map_err(device_failed(DOING))?;
            self.let_assert(false, DOING)?;
            self.connected = false;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        take_count(&self.event, true).map_err(device_failed("reading the VFIO INTx eventfd"))
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        // The status register is the device's own, not VFIO's copy. Once it has answered, what the ISR wrote to the device
        // has arrived.
        let status = self.reservation.device.config.read16(STATUS);
        match status.map_err(device_failed("reading the PCI status register"))? {
            u16::MAX => Err(SourceError::Removed),
            _ => self.unmask_line(),
        }
    }

    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        self.reservation.device.removal.as_ref().map(RemovalWatch::descriptor)
    }

    fn removal(&mut self) -> Option<Removal> {
        self.reservation.device.removal.as_ref()?.state()
    }
}

impl Drop for Intx {
    fn drop(&mut self) {
        // If this fails, dropping the reservation disables the line.
        if self.reservation.device.is_here() {
            let _ = self.disconnect();
        }
    }
}

impl fmt::Debug for Intx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intx")
            .field("device", &self.reservation.device.address)
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}
