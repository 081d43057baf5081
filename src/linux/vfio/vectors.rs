//! The message vectors of a VFIO device (rule I11).

use std::{
    collections::BTreeSet,
    fmt, format,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Waker,
};

use lock_api::Mutex;

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::info::Info;
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::vfio::reservation::Reservation;
use crate::linux::{eventfd, pci};
use crate::lock::RawInterruptLock;
use crate::source::{Ready, Removal, Source};
use crate::system::{Failure, device_failed, opening, refused, take_count, vfio};

/// The set of a device's MSI or MSI-X vectors ([rule I11](crate::guide::contract#i11)), for a driver with several
/// interrupts.
///
/// The set is allocated whole, because kernels before 6.4 can't add a vector to those in use. Each vector is then
/// [connected](Source::connect) and disconnected on its own. If you need more vectors, drop the set and its sources,
/// and allocate a larger set.
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

/// What a set's handles and sources share.
struct VectorSet {
    reservation: Reservation,
    granted: u32,
    /// The vectors that have a source already.
    taken: Mutex<RawInterruptLock, BTreeSet<u32>>,
}

// Message numbers are put in and taken out one by one: no panic leaves the set half done.
impl std::panic::RefUnwindSafe for VectorSet {}

impl VectorSet {
    fn set_trigger(&self, vector: u32, event: Option<BorrowedFd<'_>>) -> Result<(), Failure> {
        let reservation = &self.reservation;
        vfio::set_trigger(reservation.device.device(), reservation.index(), vector, event)
    }
}

impl Vectors {
    pub(super) fn new(device: Arc<OpenDevice>, mode: Mode, count: u32) -> Result<Self, SourceError> {
        if count == 0 {
            return Err(refused("a set of no vectors was asked for"));
        }
        let reservation = Reservation::new(device, mode)?;
        let granted = allocate(&reservation, count.min(reservation.count))?;
        let taken = Mutex::from_raw(RawInterruptLock::new(), BTreeSet::new());
        Ok(Self { set: Arc::new(VectorSet { reservation, granted, taken }) })
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
        self.set.granted
    }

    /// Returns vector `number` as a source.
    ///
    /// A number beyond [`granted`](Self::granted) gives a source that can't be connected: `connect` fails with
    /// [`SourceError::NotGranted`].
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
        let take = || {
            let event = eventfd::create()?;
            if !self.set.taken.lock().insert(number) {
                return Err(refused(format!("its vector {number} is another source's already")));
            }
            Ok(Vector { set: self.set.clone(), number, event, connected: false })
        };
        take().map_err(opening(self.set.reservation.device.address.clone()))
    }
}

/// Enables `count` vectors, or as many as there are, none of them connected yet. Returns how many.
fn allocate(reservation: &Reservation, mut count: u32) -> Result<u32, SourceError> {
    loop {
        let enabled = vfio::enable_vectors(reservation.device.device(), reservation.index(), count)
            .map_err(device_failed("allocating its message vectors"))?;
        match enabled {
            Ok(()) => return Ok(count),
            Err(fewer) if fewer < count => count = fewer,
            Err(_) => {
                return Err(refused("the system can't say how many message vectors there are"));
            }
        }
    }
}

impl fmt::Debug for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors")
            .field("device", &self.set.reservation.device.address)
            .field("granted", &self.set.granted)
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
    event: OwnedFd,
    connected: bool,
}

impl Source for Vector {
    fn info(&self) -> Info {
        pci::message(&self.set.reservation.device.sysfs, self.number, self.set.granted)
    }

    fn sysfs(&self) -> Option<std::path::PathBuf> {
        Some(self.set.reservation.device.sysfs.clone())
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Descriptor(self.event.as_fd())
    }

    fn connect(&mut self, _waker: &Waker) -> Result<(), SourceError> {
        let granted = self.set.granted;
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
        take_count(&self.event, true).map_err(device_failed("reading a VFIO vector's eventfd"))
    }

    fn removal_descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        let removal = self.set.reservation.device.removal.as_ref();
        removal.map(RemovalWatch::descriptor)
    }

    fn removal(&mut self) -> Option<Removal> {
        self.set.reservation.device.removal.as_ref()?.state()
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        if !self.set.reservation.device.is_here() {
            return;
        }
        // A vector that can't be disconnected goes on signalling an eventfd that nothing reads, until the set is freed.
        let _ = self.disconnect();
        self.set.taken.lock().remove(&self.number);
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vector")
            .field("device", &self.set.reservation.device.address)
            .field("number", &self.number)
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}
