//! The message vectors of a VFIO device (rule I11).

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    task::Waker,
};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::Info;
use crate::linux::pci;
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::vfio::vector_set::VectorSet;
use crate::source::waitable::Counter;
use crate::source::{Ready, Removal, Source};
use crate::system::{device_failed, opening};

/// The set of a device's MSI or MSI-X vectors ([rule I11](crate::guide::contract#i11)), for a driver with several
/// interrupts.
///
/// The set is allocated whole. Each vector is then [connected](Source::connect) and disconnected on its own. If you need
/// more vectors later, [`grow_to`](Self::grow_to) adds them while the others are in use. Kernels before 6.4 can't do that,
/// and no kernel can with MSI. There, drop the set and its sources, and allocate a larger set.
///
/// [`PciDevice::msi`](super::PciDevice::msi) and [`PciDevice::msix`](super::PciDevice::msix) return one. A clone is
/// another handle to the same set. The set is freed with its last handle and source.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::linux::vfio::PciDevice;
///
/// let vectors = PciDevice::open("0000:00:06.0")?.msix(2)?;
/// let (admin, completions) = (vectors.vector(0)?, vectors.vector(1)?);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct Vectors {
    set: Arc<VectorSet>,
}

impl Vectors {
    pub(super) fn new(device: Arc<OpenDevice>, mode: Mode, count: u32) -> Result<Self, SourceError> {
        Ok(Self { set: Arc::new(VectorSet::new(device, mode, count)?) })
    }

    /// Returns how many vectors the set has: as many as were asked for, or as the device and the system had.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.msi(32)?;
    /// assert_eq!(vectors.granted(), 1); // it has just one
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn granted(&self) -> u32 {
        self.set.granted()
    }

    /// Adds vectors while others are in use, until the set has `count` of them. Returns how many it has then.
    ///
    /// That is fewer if the device or the system has no more. A set that has as many already stays as it is.
    ///
    /// The interrupts on the other vectors go on meanwhile, and lose nothing. A source whose number was beyond the set
    /// can be connected once the set has grown: enable its interrupt again. Keep the device from sending a message to a
    /// vector before its interrupt is enabled. Such a message is counted as stale, as one that came before an enable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - the set has to grow and can't: Linux adds MSI-X vectors since 6.4, and MSI vectors never. The set stays as it is.
    ///   Disable its interrupts, drop it with its sources, and allocate a larger one;
    /// - the system refuses a vector for another reason than that there is none left, or the program has too many files
    ///   open. The set keeps what it had been given by then;
    /// - the device is gone, or the process is a child of the one that opened it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::linux::vfio::PciDevice;
    ///
    /// let vectors = PciDevice::open("0000:00:06.0")?.msix(1)?; // for the admin queue
    /// // … which tells how many pairs of I/O queues there are:
    /// let pairs = 4;
    /// let granted = vectors.grow_to(1 + pairs)?;
    /// println!("{} of {pairs} pairs have a vector of their own", granted - 1);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "dynamic MSI-X")]
    pub fn grow_to(&self, count: u32) -> Result<u32, Error> {
        self.set.grow_to(count).map_err(opening(self.set.device().address.clone()))
    }

    /// Returns vector `number` as a source.
    ///
    /// A number beyond [`granted`](Self::granted) gives a source that can't be connected until the set has
    /// [grown](Self::grow_to): `connect` fails with [`SourceError::NotGranted`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if a source of that vector exists already, or the program has too many files open.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.msi(1)?;
    /// let source = vectors.vector(0)?;
    /// assert!(vectors.vector(0).is_err());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn vector(&self, number: u32) -> Result<Vector, Error> {
        let event = self.set.take(number).map_err(opening(self.set.device().address.clone()))?;
        Ok(Vector { set: self.set.clone(), number, event, connected: false })
    }
}

impl fmt::Debug for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors")
            .field("device", &self.set.device().address)
            .field("granted", &self.set.granted())
            .finish_non_exhaustive()
    }
}

/// One message vector of a PCI device, as a [message](crate::Trigger::Message) source for an interrupt.
///
/// Messages that arrive before they are taken coalesce.
///
/// Keep the device from sending messages while the vector is disconnected:
///
/// - with MSI-X such a message waits in the device, and arrives when the vector is connected again;
/// - with MSI it is lost. Most devices then write it to a wrong address, which the IOMMU stops and logs.
///
/// [`Vectors::vector`] returns one. Dropping it disconnects the vector.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{SourceError, linux::vfio::PciDevice, source::Source};
///
/// let vectors = PciDevice::open("0000:00:04.0")?.msi(1)?;
/// vectors.vector(0)?.connect(std::task::Waker::noop())?;
///
/// let error = vectors.vector(1)?.connect(std::task::Waker::noop()).unwrap_err();
/// assert_eq!(error, SourceError::NotGranted { message: 1, granted: 1 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vector {
    set: Arc<VectorSet>,
    number: u32,
    event: Arc<Counter>,
    connected: bool,
}

impl Source for Vector {
    fn info(&self) -> Info {
        pci::message(self.number, self.set.line(self.number))
    }

    fn sysfs(&self) -> Option<std::path::PathBuf> {
        Some(self.set.device().sysfs.clone())
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.event.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        let granted = self.set.granted();
        if self.number >= granted {
            return Err(SourceError::NotGranted { message: self.number, granted });
        }
        self.set
            .set_trigger(self.number, Some(self.event.as_fd()))
            .map_err(device_failed("connecting a VFIO message vector"))?;
        self.connected = true;
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        if self.connected {
            self.set.set_trigger(self.number, None).map_err(device_failed("disconnecting a VFIO message vector"))?;
            self.connected = false;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.event.take().map_err(device_failed("reading a VFIO vector's eventfd"))
    }

    fn never_masks(&self) -> bool {
        true
    }

    fn counter(&mut self) -> Option<&Arc<Counter>> {
        Some(&self.event)
    }

    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        let removal = self.set.device().removal.as_ref();
        removal.map(RemovalWatch::descriptor)
    }

    fn removal(&mut self) -> Option<Removal> {
        self.set.device().removal.as_ref()?.state()
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        if !self.set.device().is_here() {
            return;
        }
        // A vector that can't be disconnected goes on signalling an eventfd that nothing reads, until the set is freed.
        let _ = self.disconnect();
        self.set.give_back(self.number);
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vector")
            .field("device", &self.set.device().address)
            .field("number", &self.number)
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}
