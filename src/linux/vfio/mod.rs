//! PCI devices through VFIO: registers, interrupts and DMA memory for a driver in user space, behind an IOMMU.
//!
//! Bind the device to the kernel's driver `vfio-pci` first. Then:
//!
//! - [`PciDevice::open`] opens it;
//! - [`PciDevice::registers`] maps a BAR;
//! - [`PciDevice::intx`], [`PciDevice::msi`] and [`PciDevice::msix`] give its interrupts as
//!   [sources](crate::source::Source). The three exclude one another. Message vectors are a [set](Vectors) that is
//!   allocated whole, and that can [grow](Vectors::grow_to) with MSI-X;
//! - [`PciDevice::dma_buffer`] gives memory that the program and the device share.
//!
//! Everything obtained from a device keeps the device open: sources, mapped registers, buffers and handles. The
//! descriptors are closed with the last of them. When the system asks for the device, an unbind waits until then. Every
//! source of the device reports the request ([`removal_descriptor`](crate::source::Source::removal_descriptor),
//! [`removal`](crate::source::Source::removal)).
//!
//! # Two ways to open a device
//!
//! | | by its character device | by its IOMMU group |
//! |---|---|---|
//! | kernel | Linux 6.6 or newer, with `VFIO_DEVICE_CDEV` and `IOMMUFD` | any with VFIO |
//! | needs read and write permission on | `/dev/vfio/devices/vfioN`, `/dev/iommu` | `/dev/vfio/N`, `/dev/vfio/vfio` |
//! | memory is mapped by | iommufd | a container |
//!
//! [`PciDevice::open`] tries the character device first, and then the group. [`PciDevice::way`] returns which of them it
//! was, and why it was not the other. If both fail, the error is [`SourceError::Ways`](crate::SourceError::Ways) with both
//! causes. After that, a device works the same either way. Of an IOMMU group one device can be open at a time.
//!
//! # A driver without privileges
//!
//! A supervisor can open the device and pass the descriptors to a driver that may open nothing, through a Unix socket
//! (`SCM_RIGHTS`) or by inheritance. The driver needs no capability. It needs to read `/sys`, and memory that it may lock
//! (`RLIMIT_MEMLOCK`) for what it maps.
//!
//! By the character device, for [`PciDevice::from_cdev`], the supervisor:
//!
//! 1. binds the device to `vfio-pci`. The directory `vfio-dev` of the device in sysfs then has the name `vfioN`;
//! 2. opens `/dev/vfio/devices/vfioN` for reading and writing, anew for each driver that it starts: a descriptor can be
//!    used once. It makes no call on it;
//! 3. opens `/dev/iommu` for reading and writing. One will do for all its drivers;
//! 4. passes both;
//! 5. closes its own descriptor of the device. Otherwise an unbind waits for the supervisor, too.
//!
//! By the group, for [`PciDevice::from_group`], the supervisor:
//!
//! 1. binds every device of the group to `vfio-pci`;
//! 2. opens `/dev/vfio/vfio`, a container, and `/dev/vfio/N`, the group, anew for each driver;
//! 3. puts the group into the container (`VFIO_GROUP_SET_CONTAINER`), sets the container's IOMMU (`VFIO_SET_IOMMU` with
//!    `VFIO_TYPE1v2_IOMMU`), and takes the device from the group (`VFIO_GROUP_GET_DEVICE_FD`);
//! 4. passes the device, the container and the device's address;
//! 5. closes its own descriptors of all three.
//!
//! # The kernel's interface
//!
//! The crate makes VFIO's system calls itself, with the constants of `vfio-bindings` and of `iommufd-bindings`. The crate
//! `vfio-ioctls` does not fit: it can't connect vectors one by one (it takes no −1), it drops the kernel's count of
//! available vectors and most error numbers, and it depends on the crates of a hypervisor.
//!
//! `vfio-bindings` compiles for 64-bit processors only. On others the crate leaves this module out, whatever its features
//! are.
//!
//! # Examples
//!
//! ```no_run
//! use interrupt_lock::{Registers, linux::vfio, source::Source};
//!
//! const RAISE: usize = 0x60;
//!
//! let device = vfio::PciDevice::open("0000:00:04.0")?;
//! let registers = device.registers(0)?;
//! let vectors = device.msi(1)?;
//! let mut source = vectors.vector(0)?;
//! source.connect(std::task::Waker::noop())?;
//! registers.write32(RAISE, 1); // the device sends its message
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// From the top; each file knows only those below it.
mod pci_device;

mod dma;
mod intx;
mod vectors;

mod vector_set;

mod reservation;

mod open_device;

mod iova;
mod mode;
mod opening;
mod removal;

pub use dma::DmaBuffer;
pub use intx::Intx;
pub use opening::Way;
pub use pci_device::PciDevice;
pub use vectors::{Vector, Vectors};
