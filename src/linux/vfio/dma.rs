//! Memory that a device reads and writes.

use std::{fmt, format, sync::Arc};

use rustix::{
    io::Errno,
    process::{Resource, getrlimit},
};

use crate::linux::MappedRegisters;
use crate::linux::vfio::device::Inner;
use crate::linux::vfio::{copy, ioctl};
use crate::system::{failed, refused};
use crate::{Registers, SourceError};

/// Memory shared with a device, pinned, at an address of the device's own.
///
/// The device may write to it at any time, so it is never seen as a slice: it is copied from and to, or accessed as
/// [registers](Self::memory) are. The system keeps the order of accesses on x86; elsewhere the driver puts the barriers that
/// its processor has for devices between them and those of the device's registers.
///
/// Obtained from [`Device::dma_buffer`](super::Device::dma_buffer). When it is dropped, the device can't reach it any more.
/// Not meant for many small buffers: every one takes whole pages, and counts against `RLIMIT_MEMLOCK`.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{Registers, linux::vfio::Device};
///
/// let device = Device::open("0000:00:04.0")?;
/// let registers = device.registers(0)?;
/// let buffer = device.dma_buffer(4096)?;
/// buffer.write(0, b"to the device");
/// registers.write64(0x80, buffer.iova()); // where from
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct DmaBuffer {
    memory: MappedRegisters,
    iova: u64,
    device: Arc<Inner>,
}

impl DmaBuffer {
    pub(super) fn new(device: Arc<Inner>, len: usize) -> Result<Self, SourceError> {
        let memory = MappedRegisters::anonymous(len)?;
        let size = memory.mapped_len();
        let iova = device
            .iovas
            .allocate(size as u64)
            .ok_or_else(|| refused("the device has no free address range of this size"))?;
        // SAFETY: the buffer keeps the memory mapped until it has taken it from the device again, and
        // `MappedRegisters` makes no reference to it.
        let mapped = unsafe { ioctl::map_dma(device.container(), memory.address(), iova, size) };
        mapped.map_err(|errno| {
            device.iovas.free(iova);
            let doing = match (errno, getrlimit(Resource::Memlock).current) {
                (Errno::NOMEM, Some(limit)) => {
                    format!("pinning {size} bytes (RLIMIT_MEMLOCK allows this user {limit} in all)")
                }
                _ => format!("mapping {size} bytes for DMA"),
            };
            failed(doing)(errno)
        })?;
        Ok(Self { memory, iova, device })
    }

    /// The buffer's address as the device sees it: a multiple of the page size.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// assert_eq!(buffer.iova() % 4096, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub const fn iova(&self) -> u64 {
        self.iova
    }

    /// The memory as little-endian words, for queues and descriptors.
    ///
    /// A handle cloned from it keeps the memory, but not the device's view of it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::{Registers, linux::vfio::Device};
    ///
    /// let queue = Device::open("0000:00:06.0")?.dma_buffer(4096)?;
    /// queue.memory().write32(0, 0x06);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub const fn memory(&self) -> &MappedRegisters {
        &self.memory
    }

    /// Copies from the buffer, starting at `offset`, in words of eight bytes where they are whole.
    ///
    /// # Panics
    ///
    /// If that is not all within the buffer; nothing is copied then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// let mut head = [0; 16];
    /// buffer.read(0, &mut head);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        copy::read(&self.memory, offset, bytes);
    }

    /// Copies into the buffer, starting at `offset`, in words of eight bytes where they are whole.
    ///
    /// # Panics
    ///
    /// If that is not all within the buffer; nothing is copied then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// buffer.write(0, b"hello");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        copy::write(&self.memory, offset, bytes);
    }
}

impl Drop for DmaBuffer {
    fn drop(&mut self) {
        let size = self.memory.mapped_len();
        // It can only fail for a range that isn't mapped. The address is not used again if it does.
        if ioctl::unmap_dma(self.device.container(), self.iova, size).is_ok() {
            self.device.iovas.free(self.iova);
        }
    }
}

impl fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuffer").field("iova", &self.iova).field("len", &self.memory.len()).finish_non_exhaustive()
    }
}
