//! VFIO's calls into the kernel, each made safe by fixing what its argument is.
//!
//! | file | holds |
//! |---|---|
//! | this one | calls on a device, its group and its container |
//! | `iommufd` | calls on an iommufd, and those that bind a device to one |

pub(crate) mod iommufd;

use core::{ffi::CStr, ffi::c_void, ptr};
use std::{
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    vec,
};

use rustix::{
    io::Errno,
    ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode},
};
use vfio_bindings::bindings::vfio::{
    VFIO_API_VERSION, VFIO_BASE, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_IRQ_INFO_NORESIZE,
    VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_EVENTFD,
    VFIO_IRQ_SET_DATA_NONE, VFIO_TYPE, vfio_device_info, vfio_group_status, vfio_iommu_type1_dma_map,
    vfio_iommu_type1_dma_unmap, vfio_irq_info, vfio_irq_set, vfio_region_info,
};

use crate::system::call::{Call, Failure, call as make};

type Result<T> = core::result::Result<T, Failure>;

/// What the kernel answers as a number where that means a failure.
fn failure(errno: Errno) -> Failure {
    Failure::new(Call::Ioctl, errno)
}

// The numbers of the calls, counted from `VFIO_BASE`.
const GET_API_VERSION: u32 = 0;
const CHECK_EXTENSION: u32 = 1;
const SET_IOMMU: u32 = 2;
const GROUP_GET_STATUS: u32 = 3;
const GROUP_SET_CONTAINER: u32 = 4;
const GROUP_GET_DEVICE_FD: u32 = 6;
const DEVICE_GET_INFO: u32 = 7;
const DEVICE_GET_REGION_INFO: u32 = 8;
const DEVICE_GET_IRQ_INFO: u32 = 9;
const DEVICE_SET_IRQS: u32 = 10;
const DEVICE_RESET: u32 = 11;
const IOMMU_MAP_DMA: u32 = 13;
const IOMMU_UNMAP_DMA: u32 = 14;
const DEVICE_BIND_IOMMUFD: u32 = 18;
const DEVICE_ATTACH_IOMMUFD_PT: u32 = 19;
const DEVICE_DETACH_IOMMUFD_PT: u32 = 20;

/// One call that returns the kernel's number. (rustix's own patterns drop it.)
struct Numbered {
    opcode: Opcode,
    argument: *mut c_void,
}

// SAFETY: the argument is passed on as it is, and taken to be written to. `call` requires of its callers that it fits.
unsafe impl Ioctl for Numbered {
    type Output = u32;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(output: IoctlOutput, _: *mut c_void) -> rustix::io::Result<u32> {
        u32::try_from(output).map_err(|_| Errno::INVAL)
    }
}

/// Makes call `number`.
///
/// # Safety
///
/// `argument` is what VFIO defines for that number: an integer, or a pointer to a valid structure that says its own
/// size in its first field.
unsafe fn call(file: BorrowedFd<'_>, number: u32, argument: *mut c_void) -> Result<u32> {
    // SAFETY: this function's own condition.
    unsafe { named(Call::Ioctl, file, number, argument) }
}

/// Makes call `number`, which has a name of its own.
///
/// # Safety
///
/// As for [`call`].
unsafe fn named(name: Call, file: BorrowedFd<'_>, number: u32, argument: *mut c_void) -> Result<u32> {
    let opcode = opcode::none(VFIO_TYPE, (VFIO_BASE + number) as u8);
    // SAFETY: this function's own condition.
    make(name, || unsafe { ioctl(file, Numbered { opcode, argument }) })
}

/// Makes a call whose argument is an integer or nothing.
fn call_with(file: BorrowedFd<'_>, number: u32, argument: u32) -> Result<u32> {
    debug_assert!(matches!(number, GET_API_VERSION | CHECK_EXTENSION | SET_IOMMU | DEVICE_RESET));
    // SAFETY: these four never take their argument for an address.
    unsafe { call(file, number, ptr::without_provenance_mut(argument as usize)) }
}

pub(crate) fn has_this_api(container: BorrowedFd<'_>) -> Result<bool> {
    Ok(call_with(container, GET_API_VERSION, 0)? == VFIO_API_VERSION)
}

pub(crate) fn has_extension(container: BorrowedFd<'_>, extension: u32) -> Result<bool> {
    Ok(call_with(container, CHECK_EXTENSION, extension)? != 0)
}

pub(crate) fn set_iommu(container: BorrowedFd<'_>, kind: u32) -> Result<()> {
    call_with(container, SET_IOMMU, kind).map(drop)
}

impl Failure {
    /// Whether a permission is missing.
    pub(crate) fn is_forbidden(self) -> bool {
        self.errno == Errno::PERM
    }

    /// Whether the system has no interrupt left.
    pub(crate) fn lacks_interrupts(self) -> bool {
        self.errno == Errno::NOSPC
    }

    /// Whether what was asked for is in use, or was never possible: the kernel has one number for both.
    pub(crate) fn is_invalid(self) -> bool {
        self.errno == Errno::INVAL
    }

    /// Whether there is too little memory, or memory that may be pinned.
    pub(crate) fn lacks_memory(self) -> bool {
        self.errno == Errno::NOMEM
    }
}

pub(crate) fn reset(device: BorrowedFd<'_>) -> Result<()> {
    call_with(device, DEVICE_RESET, 0).map(drop)
}

pub(crate) fn group_flags(group: BorrowedFd<'_>) -> Result<u32> {
    let mut status = vfio_group_status { argsz: size_of::<vfio_group_status>() as u32, ..Default::default() };
    // SAFETY: the call fills in a `vfio_group_status` of the size that it says.
    unsafe { call(group, GROUP_GET_STATUS, (&raw mut status).cast())? };
    Ok(status.flags)
}

pub(crate) fn set_container(group: BorrowedFd<'_>, container: BorrowedFd<'_>) -> Result<()> {
    let mut container = container.as_raw_fd();
    // SAFETY: the call reads one descriptor's number, and takes a reference of its own to that file.
    unsafe { call(group, GROUP_SET_CONTAINER, (&raw mut container).cast()) }.map(drop)
}

pub(crate) fn device(group: BorrowedFd<'_>, address: &CStr) -> Result<OwnedFd> {
    // SAFETY: the call reads a string up to its NUL, and writes nothing.
    let device = unsafe { call(group, GROUP_GET_DEVICE_FD, address.as_ptr().cast_mut().cast())? };
    let device = i32::try_from(device).map_err(|_| failure(Errno::BADF))?;
    // SAFETY: the call returned a new descriptor (closed on exec), and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(device) })
}

pub(crate) fn device_info(device: BorrowedFd<'_>) -> Result<vfio_device_info> {
    let mut info = vfio_device_info { argsz: size_of::<vfio_device_info>() as u32, ..Default::default() };
    // SAFETY: the call fills in a `vfio_device_info` up to the size that it says.
    unsafe { call(device, DEVICE_GET_INFO, (&raw mut info).cast())? };
    Ok(info)
}

pub(crate) fn region_info(device: BorrowedFd<'_>, index: u32) -> Result<vfio_region_info> {
    let mut info = vfio_region_info { argsz: size_of::<vfio_region_info>() as u32, index, ..Default::default() };
    // SAFETY: the call fills in a `vfio_region_info`; its capabilities don't fit the size, so they are left out.
    unsafe { call(device, DEVICE_GET_REGION_INFO, (&raw mut info).cast())? };
    Ok(info)
}

/// The interrupts of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Irqs {
    /// How many there are.
    pub(crate) count: u32,
    /// Whether one more can be connected while others are.
    pub(crate) can_grow: bool,
}

/// Returns which interrupts an index has. None, too, if the device has no such index.
pub(crate) fn irqs(device: BorrowedFd<'_>, index: u32) -> Result<Irqs> {
    let mut info = vfio_irq_info { argsz: size_of::<vfio_irq_info>() as u32, index, ..Default::default() };
    // SAFETY: the call fills in a `vfio_irq_info` of the size that it says.
    match unsafe { call(device, DEVICE_GET_IRQ_INFO, (&raw mut info).cast()) } {
        Err(Failure { errno: Errno::INVAL, .. }) => Ok(Irqs::default()),
        answer => answer.map(|_| Irqs { count: info.count, can_grow: info.flags & VFIO_IRQ_INFO_NORESIZE == 0 }),
    }
}

/// The words of a `vfio_irq_set` before its data, whose place is in the first.
const IRQ_SET_WORDS: usize = size_of::<vfio_irq_set>() / size_of::<u32>();

/// Sets interrupts: `words` are the fields of a `vfio_irq_set` and its data; the first is filled in here.
fn set_irqs(device: BorrowedFd<'_>, words: &mut [u32]) -> Result<u32> {
    words[0] = size_of_val(words) as u32;
    // SAFETY: the kernel reads as many bytes as the first word says, which is the slice's size, and writes none.
    unsafe { call(device, DEVICE_SET_IRQS, words.as_mut_ptr().cast()) }
}

/// Stands for a vector that signals nothing.
const NO_EVENTFD: u32 = -1_i32 as u32;

/// Has interrupt `vector` signal an eventfd, or nothing any more. In the latter case its handler can't be running when
/// this returns. The first vector of an index that is set enables the index.
pub(crate) fn set_trigger(
    device: BorrowedFd<'_>,
    index: u32,
    vector: u32,
    eventfd: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
    let eventfd = eventfd.map_or(NO_EVENTFD, |eventfd| eventfd.as_raw_fd().cast_unsigned());
    let mut words: [u32; IRQ_SET_WORDS + 1] = [0, flags, index, vector, 1, eventfd];
    match set_irqs(device, &mut words)? {
        0 => Ok(()),
        // Not enough vectors. With one that can't be.
        _ => Err(failure(Errno::NOSPC)),
    }
}

/// Enables a set of `count` vectors of which none signals anything yet.
///
/// If there are fewer, enables nothing and returns their number.
pub(crate) fn enable_vectors(device: BorrowedFd<'_>, index: u32, count: u32) -> Result<core::result::Result<(), u32>> {
    let flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
    let mut words = vec![NO_EVENTFD; IRQ_SET_WORDS + count as usize];
    words[..IRQ_SET_WORDS].copy_from_slice(&[0, flags, index, 0, count]);
    Ok(match set_irqs(device, &mut words)? {
        0 => Ok(()),
        available => Err(available),
    })
}

/// Disables all interrupts of an index. No handler of theirs is running when this returns.
pub(crate) fn disable(device: BorrowedFd<'_>, index: u32) -> Result<()> {
    let flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
    set_irqs(device, &mut [0, flags, index, 0, 0]).map(drop)
}

/// Masks the line.
pub(crate) fn mask(device: BorrowedFd<'_>, index: u32) -> Result<()> {
    let flags = VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE;
    set_irqs(device, &mut [0, flags, index, 0, 1]).map(drop)
}

/// Unmasks the line. If it is still asserted, it signals again at once.
pub(crate) fn unmask(device: BorrowedFd<'_>, index: u32) -> Result<()> {
    let flags = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE;
    set_irqs(device, &mut [0, flags, index, 0, 1]).map(drop)
}

/// Lets the device read and write `size` bytes of this program's memory, at `iova` for it.
///
/// # Safety
///
/// The bytes at `address` stay mapped until [`unmap_dma`], and the program makes no reference to them, because the
/// device writes to them at any time.
pub(crate) unsafe fn map_dma(container: BorrowedFd<'_>, address: usize, iova: u64, size: usize) -> Result<()> {
    let mut map = vfio_iommu_type1_dma_map {
        argsz: size_of::<vfio_iommu_type1_dma_map>() as u32,
        flags: VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        vaddr: address as u64,
        iova,
        size: size as u64,
    };
    // SAFETY: the call reads a `vfio_iommu_type1_dma_map` of the size that it says; what it does to the memory that
    // this describes is the caller's promise.
    unsafe { call(container, IOMMU_MAP_DMA, (&raw mut map).cast()) }.map(drop)
}

/// Takes the memory at `iova` from the device. When it returns, the device can't reach the memory any more.
pub(crate) fn unmap_dma(container: BorrowedFd<'_>, iova: u64, size: usize) -> Result<()> {
    let mut unmap = vfio_iommu_type1_dma_unmap {
        argsz: size_of::<vfio_iommu_type1_dma_unmap>() as u32,
        iova,
        size: size as u64,
        ..Default::default()
    };
    // SAFETY: the call reads a `vfio_iommu_type1_dma_unmap` of the size that it says, and writes back how much it
    // unmapped; without a flag it asks for no bitmap behind it.
    unsafe { call(container, IOMMU_UNMAP_DMA, (&raw mut unmap).cast()) }.map(drop)
}
