//! iommufd's calls into the kernel, and VFIO's that bind a device to an iommufd.

use core::ffi::c_void;
use std::os::fd::{AsRawFd, BorrowedFd};

use iommufd_bindings::{
    IOMMUFD_CMD_DESTROY, IOMMUFD_CMD_IOAS_ALLOC, IOMMUFD_CMD_IOAS_MAP, IOMMUFD_CMD_IOAS_UNMAP, IOMMUFD_TYPE,
    iommu_destroy, iommu_ioas_alloc, iommu_ioas_map, iommu_ioas_unmap,
    iommufd_ioas_map_flags_IOMMU_IOAS_MAP_FIXED_IOVA as FIXED_IOVA,
    iommufd_ioas_map_flags_IOMMU_IOAS_MAP_READABLE as READABLE,
    iommufd_ioas_map_flags_IOMMU_IOAS_MAP_WRITEABLE as WRITEABLE,
};
use rustix::ioctl::{ioctl, opcode};
use vfio_bindings::bindings::vfio::{
    vfio_device_attach_iommufd_pt, vfio_device_bind_iommufd, vfio_device_detach_iommufd_pt,
};

use crate::system::call::{Call, call as make};
use crate::system::vfio::{
    DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT, Numbered, Result, named,
};

/// Makes call `number` on an iommufd.
///
/// # Safety
///
/// `argument` points to the structure that iommufd defines for that number, which says its own size in its first field.
unsafe fn call(name: Call, iommufd: BorrowedFd<'_>, number: u32, argument: *mut c_void) -> Result<()> {
    let opcode = opcode::none(IOMMUFD_TYPE, number as u8);
    // SAFETY: this function's own condition.
    make(name, || unsafe { ioctl(iommufd, Numbered { opcode, argument }) }).map(drop)
}

/// Binds a device, opened by its character device, to an iommufd. The device can be used from then on.
pub(crate) fn bind(device: BorrowedFd<'_>, iommufd: BorrowedFd<'_>) -> Result<()> {
    let mut bind = vfio_device_bind_iommufd {
        argsz: size_of::<vfio_device_bind_iommufd>() as u32,
        iommufd: iommufd.as_raw_fd(),
        ..Default::default()
    };
    // SAFETY: the call reads a `vfio_device_bind_iommufd` of the size that it says, and fills in the device's number there.
    // Without a flag it takes its last field for no address.
    unsafe { named(Call::IommufdBind, device, DEVICE_BIND_IOMMUFD, (&raw mut bind).cast()) }.map(drop)
}

/// Attaches a bound device to an address space of its iommufd.
pub(crate) fn attach(device: BorrowedFd<'_>, ioas: u32) -> Result<()> {
    let mut attach = vfio_device_attach_iommufd_pt {
        argsz: size_of::<vfio_device_attach_iommufd_pt>() as u32,
        pt_id: ioas,
        ..Default::default()
    };
    // SAFETY: the call reads a `vfio_device_attach_iommufd_pt` of the size that it says, and fills in a number there.
    unsafe { named(Call::IommufdAttach, device, DEVICE_ATTACH_IOMMUFD_PT, (&raw mut attach).cast()) }.map(drop)
}

/// Detaches a device from its address space. It reaches no memory from then on.
pub(crate) fn detach(device: BorrowedFd<'_>) -> Result<()> {
    let mut detach = vfio_device_detach_iommufd_pt {
        argsz: size_of::<vfio_device_detach_iommufd_pt>() as u32,
        ..Default::default()
    };
    // SAFETY: the call reads a `vfio_device_detach_iommufd_pt` of the size that it says, and writes nothing.
    unsafe { named(Call::IommufdDetach, device, DEVICE_DETACH_IOMMUFD_PT, (&raw mut detach).cast()) }.map(drop)
}

/// Makes an address space, and returns its number.
pub(crate) fn allocate(iommufd: BorrowedFd<'_>) -> Result<u32> {
    let mut made = iommu_ioas_alloc { size: size_of::<iommu_ioas_alloc>() as u32, ..Default::default() };
    // SAFETY: the call fills in an `iommu_ioas_alloc` of the size that it says.
    unsafe { call(Call::IoasAllocate, iommufd, IOMMUFD_CMD_IOAS_ALLOC, (&raw mut made).cast()) }?;
    Ok(made.out_ioas_id)
}

/// Destroys an address space that no device is attached to.
pub(crate) fn destroy(iommufd: BorrowedFd<'_>, ioas: u32) -> Result<()> {
    let mut destroyed = iommu_destroy { size: size_of::<iommu_destroy>() as u32, id: ioas };
    // SAFETY: the call reads an `iommu_destroy` of the size that it says, and writes nothing.
    unsafe { call(Call::IoasDestroy, iommufd, IOMMUFD_CMD_DESTROY, (&raw mut destroyed).cast()) }
}

/// Lets the devices of an address space read and write `size` bytes of this program's memory, at `iova` for them.
///
/// # Safety
///
/// The bytes at `address` stay mapped until [`unmap`], and the program makes no reference to them, because a device
/// writes to them at any time.
pub(crate) unsafe fn map(iommufd: BorrowedFd<'_>, ioas: u32, address: usize, iova: u64, size: usize) -> Result<()> {
    let mut map = iommu_ioas_map {
        size: size_of::<iommu_ioas_map>() as u32,
        flags: FIXED_IOVA | READABLE | WRITEABLE,
        ioas_id: ioas,
        user_va: address as u64,
        length: size as u64,
        iova,
        ..Default::default()
    };
    // SAFETY: the call reads an `iommu_ioas_map` of the size that it says, and writes the same `iova` there; what it does to
    // the memory that this describes is the caller's promise.
    unsafe { call(Call::IoasMap, iommufd, IOMMUFD_CMD_IOAS_MAP, (&raw mut map).cast()) }
}

/// Takes the memory at `iova` from the devices. When it returns, they can't reach the memory any more.
pub(crate) fn unmap(iommufd: BorrowedFd<'_>, ioas: u32, iova: u64, size: usize) -> Result<()> {
    let mut unmap =
        iommu_ioas_unmap { size: size_of::<iommu_ioas_unmap>() as u32, ioas_id: ioas, iova, length: size as u64 };
    // SAFETY: the call reads an `iommu_ioas_unmap` of the size that it says, and writes there how much it unmapped.
    unsafe { call(Call::IoasUnmap, iommufd, IOMMUFD_CMD_IOAS_UNMAP, (&raw mut unmap).cast()) }
}
