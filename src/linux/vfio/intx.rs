//! The line of a VFIO device.

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Waker,
};

use crate::linux::pci::STATUS;
use crate::linux::vfio::device::Inner;
use crate::linux::vfio::ioctl;
use crate::linux::vfio::mode::{Mode, Reservation};
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::{eventfd, pci};
use crate::source::{Ready, Removal, Source};
use crate::system::{device_failed, take_count};
use crate::{Info, SourceError};

/// The INTx line of a VFIO device: a [level](crate::Trigger::Level) source.
///
/// The kernel masks the line as it signals. [`unmask`](Source::unmask) opens it again; if the device still asserts it,
/// it signals again at once. The line may be shared with other devices.
///
/// Obtained from [`Device::intx`](super::Device::intx). Dropping it disconnects it and sets the device free for its
/// other ways to signal.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{linux::vfio::Device, source::Source};
///
/// let mut source = Device::open("0000:00:04.0")?.intx()?;
/// source.connect(std::task::Waker::noop())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Intx {
    reservation: Reservation,
    event: OwnedFd,
    connected: bool,
}

impl Intx {
    pub(super) fn new(device: Arc<Inner>) -> Result<Self, SourceError> {
        Ok(Self { reservation: Reservation::new(device, Mode::Intx)?, event: eventfd::create()?, connected: false })
    }

    fn device(&self) -> BorrowedFd<'_> {
        self.reservation.device.device()
    }

    /// Through VFIO's copy of the command register, which masks and unmasks the line as well. Not while the device may
    /// interrupt: VFIO reads the device's register and writes it back, and its handler changes that register too.
    fn let_assert(&self, on: bool) -> rustix::io::Result<()> {
        self.reservation.device.config.disable_intx(!on)
    }

    /// Opens the line with a call rather than through VFIO's unmask eventfd, which costs the same, but reports no error
    /// and leaves signalling again to another thread of the kernel.
    fn open_line(&self) -> Result<(), SourceError> {
        ioctl::unmask(self.device(), self.reservation.index()).map_err(device_failed("unmasking the VFIO INTx line"))
    }
}

/// Unmasks a connected line that a reset may have left masked, and has it signal if it is asserted.
///
/// Unmasking is what makes VFIO look at the device's own status bit, and it only does so for a line that it has masked.
pub(super) fn look_again(device: &Inner) -> rustix::io::Result<()> {
    let index = Mode::Intx.index();
    ioctl::mask(device.device(), index)?;
    ioctl::unmask(device.device(), index)
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
        // The device is let assert only once VFIO's handler is there. VFIO then looks at the device's own status bit: a
        // line that was asserted before may be missed by the interrupt controller (QEMU's does that).
        let connect = |this: &mut Self| {
            this.let_assert(false)?;
            ioctl::set_trigger(this.device(), this.reservation.index(), 0, Some(this.event.as_fd()))?;
            this.connected = true;
            this.let_assert(true)
        };
        let connected = connect(self).map_err(device_failed("connecting the VFIO INTx line"));
        connected.inspect_err(|_| {
            // The first error is the one to report.
            let _ = self.disconnect();
        })
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        if self.connected {
            // The device is silenced first: one that went on asserting would be a storm for those it shares the line
            // with, and in the end the kernel would take the line from them all. By a call, because a write to the
            // command register may undo what VFIO's handler does to it at that moment. The write then makes it last.
            let (device, index) = (self.device(), self.reservation.index());
            ioctl::mask(device, index)
                .and_then(|()| ioctl::disable(device, index))
                .and_then(|()| self.let_assert(false))
                .map_err(device_failed("disconnecting the VFIO INTx line"))?;
            self.connected = false;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        take_count(&self.event).map_err(device_failed("reading the VFIO INTx eventfd"))
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        // The status register is the device's own, not VFIO's copy: its answer tells that what the ISR wrote to the
        // device before has arrived.
        let status = self.reservation.device.config.read16(STATUS);
        match status.map_err(device_failed("reading the PCI status register"))? {
            u16::MAX => Err(SourceError::Removed),
            _ => self.open_line(),
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
        // Should it fail, the line is disabled as the reservation is dropped.
        let _ = self.disconnect();
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
