//! The message vectors of a VFIO device.

use std::{
    collections::BTreeSet,
    fmt, format,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use crate::linux::vfio::device::Inner;
use crate::linux::vfio::ioctl;
use crate::linux::vfio::mode::{Mode, Reservation};
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::{eventfd, pci};
use crate::source::{Ready, Removal, Source};
use crate::system::{device_failed, opening, refused, take_count};
use crate::{Error, Info, SourceError};

/// The set of a device's MSI or MSI-X vectors (rule I11).
///
/// It is allocated whole, for kernels before 6.4 can't add a vector to those in use; each of them is then
/// [connected](Source::connect) and disconnected on its own. To have more, drop the set and its sources, and allocate a
/// larger one.
///
/// Obtained from [`Device::msi`](super::Device::msi) and [`Device::msix`](super::Device::msix). A clone is another
/// handle to the same set, which is freed with its last handle and source.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::linux::vfio::Device;
///
/// let vectors = Device::open("0000:00:06.0")?.msix(2)?;
/// let (admin, completions) = (vectors.vector(0)?, vectors.vector(1)?);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone)]
pub struct Vectors {
    set: Arc<Set>,
}

struct Set {
    reservation: Reservation,
    granted: u32,
    /// The vectors that are some source's already.
    taken: Mutex<BTreeSet<u32>>,
}

impl Set {
    fn taken(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_trigger(&self, vector: u32, event: Option<BorrowedFd<'_>>) -> rustix::io::Result<()> {
        let reservation = &self.reservation;
        ioctl::set_trigger(reservation.device.device(), reservation.index(), vector, event)
    }
}

impl Vectors {
    pub(super) fn new(device: Arc<Inner>, mode: Mode, count: u32) -> Result<Self, SourceError> {
        if count == 0 {
            return Err(refused("a set of no vectors was asked for"));
        }
        let reservation = Reservation::new(device, mode)?;
        let granted = allocate(&reservation, count.min(reservation.count))?;
        Ok(Self { set: Arc::new(Set { reservation, granted, taken: Mutex::default() }) })
    }

    /// How many vectors the set has: what was asked for, or what the device and the system had.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.msi(32)?;
    /// assert_eq!(vectors.granted(), 1); // it has just one
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn granted(&self) -> u32 {
        self.set.granted
    }

    /// Vector `number` as a source. One beyond [`granted`](Self::granted) can be had, but not connected: that fails with
    /// [`SourceError::NotGranted`].
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if a source of that vector exists already, or the program has too many files open.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.msi(1)?;
    /// let source = vectors.vector(0)?;
    /// assert!(vectors.vector(0).is_err());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn vector(&self, number: u32) -> Result<Vector, Error> {
        let take = || {
            let event = eventfd::create()?;
            if !self.set.taken().insert(number) {
                return Err(refused(format!("its vector {number} is another source's already")));
            }
            Ok(Vector { set: self.set.clone(), number, event, connected: false })
        };
        take().map_err(opening(self.set.reservation.device.address.clone()))
    }
}

/// Enables `count` vectors, or as many as there are; none of them is connected to anything yet.
fn allocate(reservation: &Reservation, mut count: u32) -> Result<u32, SourceError> {
    loop {
        let enabled = ioctl::enable_vectors(reservation.device.device(), reservation.index(), count)
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

/// One message vector of a VFIO device: a [message](crate::Trigger::Message) source.
///
/// Messages that arrive before they are taken coalesce.
///
/// A driver keeps its device from sending messages while they are disconnected. With MSI-X such a message waits in the
/// device, and arrives when the vector is connected again; with MSI it is lost, and most devices' then go astray, to be
/// stopped and logged by the IOMMU.
///
/// Obtained from [`Vectors::vector`]. Dropping it disconnects it.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{SourceError, linux::vfio::Device, source::Source};
///
/// let vectors = Device::open("0000:00:04.0")?.msi(1)?;
/// vectors.vector(0)?.connect(std::task::Waker::noop())?;
///
/// let error = vectors.vector(1)?.connect(std::task::Waker::noop()).unwrap_err();
/// assert_eq!(error, SourceError::NotGranted { message: 1, granted: 1 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vector {
    set: Arc<Set>,
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
        take_count(&self.event).map_err(device_failed("reading a VFIO vector's eventfd"))
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
        // If it can't be disconnected it goes on signalling an eventfd that nobody reads, until the set is freed.
        let _ = self.disconnect();
        self.set.taken().remove(&self.number);
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
