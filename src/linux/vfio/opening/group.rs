//! A device by its IOMMU group, with a container: the way of every kernel that has VFIO.

use std::{
    boxed::Box,
    ffi::CString,
    format,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    string::String,
    sync::Arc,
    vec::Vec,
};

use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_GROUP_FLAGS_VIABLE, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU,
};

use crate::cause::SourceError;
use crate::linux::pci::{ConfigSpace, VENDOR_ID};
use crate::linux::vfio::opening::place::{Place, driver, is_vfio};
use crate::linux::vfio::opening::{AddressSpace, Opened, Way, open_file};
use crate::system;
use crate::system::{Failure, failed, refused, vfio};

/// The address space that the devices of a container have in common. The group is closed before the container.
struct Container {
    /// None if a supervisor has it. An open device keeps its group in the container.
    _group: Option<OwnedFd>,
    file: OwnedFd,
}

impl AddressSpace for Container {
    unsafe fn map(&self, address: usize, iova: u64, size: usize) -> Result<(), Failure> {
        // SAFETY: this function's own condition.
        unsafe { vfio::map_dma(self.file.as_fd(), address, iova, size) }
    }

    fn unmap(&self, iova: u64, size: usize) -> Result<(), Failure> {
        vfio::unmap_dma(self.file.as_fd(), iova, size)
    }
}

/// Opens the device at `place` through `group`.
pub(super) fn open(place: &Place, group: &str) -> Result<Opened, SourceError> {
    let container = open_file("/dev/vfio/vfio", "the kernel's module vfio")?;
    if !vfio::has_this_api(container.as_fd()).map_err(failed("asking for VFIO's version"))? {
        return Err(refused("this kernel's VFIO is of another version"));
    }
    let path = format!("/dev/vfio/{group}");
    let file = open_file(&path, "the kernel's driver vfio-pci")?;
    let flags = vfio::group_flags(file.as_fd()).map_err(failed("asking for its group's state"))?;
    if flags & VFIO_GROUP_FLAGS_VIABLE == 0 {
        return Err(not_viable(group));
    }
    vfio::set_container(file.as_fd(), container.as_fd()).map_err(failed(format!("putting {path} into a container")))?;
    set_iommu(&container)?;

    let name = CString::new(&*place.address).map_err(|_| refused("there is no such PCI device"))?;
    let device = vfio::device(file.as_fd(), &name).map_err(failed(format!("taking it from {path}")))?;
    let memory = Box::new(Container { _group: Some(file), file: container });
    Ok(Opened { device: Arc::new(device), memory, way: Way::Group { instead: None } })
}

/// Takes the device at `place` and its container. The kernel does not say which device a descriptor is of, but what kind.
pub(super) fn given(place: &Place, device: OwnedFd, container: OwnedFd) -> Result<Opened, SourceError> {
    if !vfio::has_this_api(container.as_fd()).map_err(failed("asking the container for VFIO's version"))? {
        return Err(refused("the container is of another version of VFIO"));
    }
    const WHICH: &str = "asking which device the descriptor is of";
    let info = vfio::device_info(device.as_fd()).map_err(failed(WHICH))?;
    if info.flags & VFIO_DEVICE_FLAGS_PCI == 0 {
        return Err(refused("the descriptor is of no PCI device"));
    }
    let device = Arc::new(device);
    let region = vfio::region_info(device.as_fd(), VFIO_PCI_CONFIG_REGION_INDEX).map_err(failed(WHICH))?;
    let id = ConfigSpace::new(device.clone(), region.offset).read::<4>(VENDOR_ID).map_err(failed(WHICH))?;
    let [theirs, expected] = [u32::from_le_bytes(id), id_of(place)?];
    if theirs != expected {
        let [theirs, expected] = [theirs, expected].map(|id| format!("{:04x}:{:04x}", id & 0xffff, id >> 16));
        return Err(refused(format!("it is a {expected}, and the descriptor is of a {theirs}")));
    }
    let memory = Box::new(Container { _group: None, file: container });
    Ok(Opened { device, memory, way: Way::Group { instead: None } })
}

/// Returns the numbers of vendor and device, as the configuration space begins with them.
fn id_of(place: &Place) -> Result<u32, SourceError> {
    let number = |name| system::number(place.sysfs.join(name)).and_then(|number| u16::try_from(number).ok());
    let both = number("vendor").zip(number("device"));
    let (vendor, device) = both.ok_or_else(|| refused("sysfs does not say what device it is"))?;
    Ok(u32::from(vendor) | u32::from(device) << 16)
}

fn set_iommu(container: &OwnedFd) -> Result<(), SourceError> {
    let container = container.as_fd();
    let kind = [VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU]
        .into_iter()
        .find(|&kind| vfio::has_extension(container, kind).unwrap_or(false))
        .ok_or_else(|| refused("no IOMMU of type 1: the kernel's module vfio_iommu_type1 provides it"))?;
    vfio::set_iommu(container, kind).map_err(|failure| {
        failed(if failure.is_forbidden() {
            "setting the IOMMU (one that can't remap interrupts needs the parameter \
             allow_unsafe_interrupts=1 of vfio_iommu_type1)"
        } else {
            "setting the IOMMU"
        })(failure)
    })
}

/// Names the devices that keep a group from being viable: those bound to a driver that is neither VFIO's nor one that
/// does no DMA.
fn not_viable(group: &str) -> SourceError {
    let devices = PathBuf::from(format!("/sys/kernel/iommu_groups/{group}/devices"));
    let strangers: Vec<String> = system::names(&devices)
        .into_iter()
        .filter_map(|device| {
            let driver = driver(&devices.join(&device)).ok()??;
            let stranger = !is_vfio(&driver) && driver != "pcieport" && driver != "pci-stub";
            stranger.then(|| format!("{device} ({driver})"))
        })
        .collect();
    refused(format!("its IOMMU group {group} is not viable: bind to vfio-pci, too: {}", strangers.join(", ")))
}
