//! PCI devices through VFIO: registers, interrupts and DMA memory for a driver in user space, behind an IOMMU.
//!
//! Bind the device to the kernel's driver `vfio-pci` first. A program with read and write permission on `/dev/vfio/N`,
//! the file of the device's IOMMU group, can then drive the device:
//!
//! - [`PciDevice::open`] opens it;
//! - [`PciDevice::registers`] maps a BAR;
//! - [`PciDevice::intx`], [`PciDevice::msi`] and [`PciDevice::msix`] give its interrupts as
//!   [sources](crate::source::Source). The three exclude one another. Message vectors are a [set](Vectors) that is
//!   allocated whole;
//! - [`PciDevice::dma_buffer`] gives memory that the program and the device share.
//!
//! Everything obtained from a device keeps the device open: sources, mapped registers, buffers and handles. The
//! descriptors are closed with the last of them. When the system asks for the device, an unbind waits until then. Every
//! source of the device reports the request ([`removal_descriptor`](crate::source::Source::removal_descriptor),
//! [`removal`](crate::source::Source::removal)).
//!
//! The crate makes VFIO's system calls itself, with the constants of `vfio-bindings`. The crate `vfio-ioctls` does not
//! fit: it can't connect vectors one by one (it takes no −1), it drops the kernel's count of available vectors and most
//! error numbers, and it depends on the crates of a hypervisor.
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

mod reservation;

mod open_device;

mod descriptors;
mod iova;
mod mode;
mod removal;

pub use dma::DmaBuffer;
pub use intx::Intx;
pub use pci_device::PciDevice;
pub use vectors::{Vector, Vectors};
