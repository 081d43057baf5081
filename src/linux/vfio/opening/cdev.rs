//! A device by its own character device, with an address space of an iommufd.

use std::{
    boxed::Box,
    format,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use crate::cause::SourceError;
use crate::linux::vfio::opening::place::Place;
use crate::linux::vfio::opening::{AddressSpace, Opened, Way, open_file};
use crate::sync::Process;
use crate::system;
use crate::system::{Failure, failed, refused, vfio::iommufd};

/// An address space of its own for a device that is bound to an iommufd. The iommufd may be shared with other devices, and
/// with other programs: so nothing is left there.
struct Ioas {
    device: Arc<OwnedFd>,
    iommufd: OwnedFd,
    number: u32,
    process: Process,
}

impl AddressSpace for Ioas {
    unsafe fn map(&self, address: usize, iova: u64, size: usize) -> Result<(), Failure> {
        // SAFETY: this function's own condition.
        unsafe { iommufd::map(self.iommufd.as_fd(), self.number, address, iova, size) }
    }

    fn unmap(&self, iova: u64, size: usize) -> Result<(), Failure> {
        iommufd::unmap(self.iommufd.as_fd(), self.number, iova, size)
    }
}

impl Drop for Ioas {
    fn drop(&mut self) {
        if !self.process.is_this() {
            return;
        }
        // A device that isn't attached can't be detached. An address space that can't be destroyed ends with the iommufd.
        let _ = iommufd::detach(self.device.as_fd());
        let _ = iommufd::destroy(self.iommufd.as_fd(), self.number);
    }
}

/// Opens the device at `place`.
pub(super) fn open(place: &Place) -> Result<Opened, SourceError> {
    // Kernels without character devices have this directory, too: what is missing there is the file.
    let name = system::names(place.sysfs.join("vfio-dev")).pop();
    let name = name.ok_or_else(|| refused("sysfs names none: Linux has them since 6.6"))?;
    let path = format!("/dev/vfio/devices/{name}");
    let device = open_file(&path, "Linux since 6.6 (its option VFIO_DEVICE_CDEV)")?;
    bind(device, open_file("/dev/iommu", "the kernel's module iommufd")?)
}

/// Returns the place of the device whose character device this is.
pub(in crate::linux::vfio) fn place_of(device: &OwnedFd) -> Result<Place, SourceError> {
    const WHICH: &str = "asking which device the descriptor is of";
    let no_vfio = || refused("the descriptor is of no VFIO device (/dev/vfio/devices/vfioN)");
    let (major, minor) = system::character_device(device).map_err(failed(WHICH))?.ok_or_else(no_vfio)?;
    let entry = format!("/sys/dev/char/{major}:{minor}");
    let class = system::link_name(format!("{entry}/subsystem")).map_err(failed(WHICH))?;
    if class.as_deref() != Some("vfio-dev") {
        return Err(no_vfio());
    }
    let address = system::link_name(format!("{entry}/device")).map_err(failed(WHICH))?.ok_or_else(no_vfio)?;
    Place::find(&address)
}

/// Binds the device to the iommufd, and gives it an address space there.
pub(super) fn bind(device: OwnedFd, iommufd: OwnedFd) -> Result<Opened, SourceError> {
    iommufd::bind(device.as_fd(), iommufd.as_fd()).map_err(|failure| {
        failed(if failure.is_invalid() {
            "binding it to an iommufd, as another program or an earlier device has done already"
        } else if failure.is_forbidden() {
            "binding it to an iommufd (another program may have a device of its IOMMU group; an IOMMU that can't remap \
             interrupts needs the parameter allow_unsafe_interrupts=1 of iommufd)"
        } else {
            "binding it to an iommufd"
        })(failure)
    })?;
    let number = iommufd::allocate(iommufd.as_fd()).map_err(failed("making an address space for it"))?;
    let device = Arc::new(device);
    let memory = Ioas { device: device.clone(), iommufd, number, process: Process::this() };
    iommufd::attach(device.as_fd(), number).map_err(|failure| {
        failed(match failure.is_invalid() {
            true => "attaching it to an address space, as another device of its IOMMU group may be to another",
            false => "attaching it to an address space",
        })(failure)
    })?;
    Ok(Opened { device, memory: Box::new(memory), way: Way::CharacterDevice })
}
