//! PCI devices through VFIO: registers, interrupts and DMA for a driver in user space, behind an IOMMU.
//!
//! A device is bound to the kernel's driver `vfio-pci`; whoever may open `/dev/vfio/N`, the file of its IOMMU group,
//! can then drive it. [`Device::open`] does what is needed, [`Device::registers`] maps a BAR, and [`Device::intx`],
//! [`Device::msi`] and [`Device::msix`] give its interrupts as [sources](crate::source::Source). The three exclude one another;
//! a device's message vectors are a [set](Vectors) that is allocated whole.
//!
//! Everything obtained from a device keeps it open: the descriptors are closed when the last of its sources, mapped
//! registers, buffers and handles is dropped. This matters when the system asks for the device: an unbind waits until
//! then. The request is told to every source of the device
//! ([`removal_descriptor`](crate::source::Source::removal_descriptor), [`removal`](crate::source::Source::removal)).
//!
//! This module calls the kernel itself, upon `vfio-bindings`. The crate `vfio-ioctls` can't connect vectors one by one
//! (it takes no −1), drops the kernel's answer of how many vectors there are and the number of most errors, and brings a
//! hypervisor's crates along.
//!
//! # Examples
//!
//! ```no_run
//! use interrupt_lock::{Registers, linux::vfio, source::Source};
//!
//! let device = vfio::Device::open("0000:00:04.0")?;
//! let registers = device.registers(0)?;
//! let vectors = device.msi(1)?;
//! let mut source = vectors.vector(0)?;
//! source.connect(std::task::Waker::noop())?;
//! registers.write32(0x60, 1); // have the device raise its interrupt
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod copy;
mod device;
mod dma;
mod intx;
mod ioctl;
mod iova;
mod mode;
mod open;
mod removal;
mod vectors;

pub use device::Device;
pub use dma::DmaBuffer;
pub use intx::Intx;
pub use vectors::{Vector, Vectors};
