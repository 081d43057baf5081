//! Memory that a device reads and writes.

mod copy;

use std::{fmt, format, sync::Arc};

use crate::cause::SourceError;
use crate::linux::MappedRegisters;
use crate::linux::vfio::open_device::OpenDevice;
use crate::source::registers::Registers;
use crate::system;
use crate::system::{failed, refused};

/// DMA memory: a pinned buffer that the program and a device share, for the device's descriptors and data.
///
/// The device may write to the memory at any time, so the buffer gives no slice of it. Copy with [`read`](Self::read)
/// and [`write`](Self::write), or access the memory as [registers](Self::memory).
///
/// On x86 the processor keeps the order of accesses to memory and to the device's registers. On other processors the
/// driver has to put the processor's barrier for devices between them.
///
/// [`PciDevice::dma_buffer`](super::PciDevice::dma_buffer) returns one. Once the buffer has been dropped, the device
/// can't reach the memory any more. Few and large buffers are best: each takes whole pages, and counts against
/// `RLIMIT_MEMLOCK`.
///
/// # Examples
///
/// ```no_run
/// use interrupt_lock::{Registers, linux::vfio::PciDevice};
///
/// const DMA_SOURCE: usize = 0x80;
///
/// let device = PciDevice::open("0000:00:04.0")?;
/// let registers = device.registers(0)?;
/// let buffer = device.dma_buffer(4096)?;
/// buffer.write(0, b"to the device");
/// registers.write64(DMA_SOURCE, buffer.iova());
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub struct DmaBuffer {
    memory: MappedRegisters,
    iova: u64,
    device: Arc<OpenDevice>,
}

impl DmaBuffer {
    pub(super) fn new(device: Arc<OpenDevice>, len: usize) -> Result<Self, SourceError> {
        device.check_here()?;
        let memory = MappedRegisters::anonymous(len)?;
        let size = memory.mapped_len();
        let iova = device
            .iovas
            .allocate(size as u64)
            .ok_or_else(|| refused("the device has no free address range of this size"))?;
        // SAFETY: the buffer keeps the memory mapped until `unmap` has taken it from the device, and `MappedRegisters` makes
        // no reference to it.
        let mapped = unsafe { device.memory().map(memory.address(), iova, size) };
        mapped.map_err(|failure| {
            device.iovas.free(iova);
            let doing = match system::limit_of_pinned().filter(|_| failure.lacks_memory()) {
                Some(limit) => format!("pinning {size} bytes (RLIMIT_MEMLOCK allows this user {limit} in all)"),
                None => format!("mapping {size} bytes for DMA"),
            };
            failed(doing)(failure)
        })?;
        Ok(Self { memory, iova, device })
    }

    /// Returns the buffer's address as the device sees it: a multiple of the page size.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// assert_eq!(buffer.iova() % 4096, 0);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub const fn iova(&self) -> u64 {
        self.iova
    }

    /// Returns the memory as registers: little-endian words, for queues and descriptors.
    ///
    /// A clone keeps the memory mapped in the program after the buffer has been dropped. The device can't reach it
    /// then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::{Registers, linux::vfio::PciDevice};
    ///
    /// let queue = PciDevice::open("0000:00:06.0")?.dma_buffer(4096)?;
    /// queue.memory().write32(0, 0x06);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub const fn memory(&self) -> &MappedRegisters {
        &self.memory
    }

    /// Copies from the buffer into `bytes`, starting at `offset`. Whole words of eight bytes are copied at once.
    ///
    /// # Panics
    ///
    /// If not all of that lies within the buffer. Nothing is copied then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// let mut head = [0; 16];
    /// buffer.read(0, &mut head);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[track_caller]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        copy::read(&self.memory, offset, bytes);
    }

    /// Copies `bytes` into the buffer, starting at `offset`. Whole words of eight bytes are copied at once.
    ///
    /// # Panics
    ///
    /// If not all of that lies within the buffer. Nothing is copied then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.dma_buffer(4096)?;
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
        if !self.device.is_here() {
            return;
        }
        let size = self.memory.mapped_len();
        // This can only fail for a range that isn't mapped. The address is not used again then.
        if self.device.memory().unmap(self.iova, size).is_ok() {
            self.device.iovas.free(self.iova);
        }
    }
}

impl fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuffer").field("iova", &self.iova).field("len", &self.memory.len()).finish_non_exhaustive()
    }
}
