//! A device that is open.

use std::{
    fmt, format,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    string::String,
    sync::Arc,
};

use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_BAR5_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_REGION_INFO_FLAG_MMAP,
};

use crate::linux::MappedRegisters;
use crate::linux::pci::{COMMAND, COMMAND_BUS_MASTER, COMMAND_MEMORY, ConfigSpace, DEVICE_ID, STATUS, VENDOR_ID};
use crate::linux::vfio::iova::Iovas;
use crate::linux::vfio::mode::{Mode, Modes};
use crate::linux::vfio::open::Descriptors;
use crate::linux::vfio::removal::RemovalWatch;
use crate::linux::vfio::{DmaBuffer, Intx, Vectors, intx, ioctl, open};
use crate::system::{device_failed, failed, opening, refused};
use crate::{Error, SourceError};

/// A PCI device, opened through VFIO.
///
/// A clone is another handle to the same open device. What is obtained from a device keeps it open.
///
/// A program can open one device of an IOMMU group at a time.
///
/// # Examples
///
/// ```no_run
/// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
/// println!("{:04x}:{:04x}", device.vendor_id()?, device.device_id()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Device {
    inner: Arc<Inner>,
}

/// What a device and everything obtained from it share.
pub(super) struct Inner {
    pub(super) address: String,
    pub(super) sysfs: PathBuf,
    pub(super) config: ConfigSpace,
    pub(super) modes: Modes,
    pub(super) removal: Option<RemovalWatch>,
    pub(super) iovas: Iovas,
    descriptors: Descriptors,
}

impl Inner {
    pub(super) fn device(&self) -> BorrowedFd<'_> {
        self.descriptors.device.as_fd()
    }

    pub(super) fn container(&self) -> BorrowedFd<'_> {
        self.descriptors.container.as_fd()
    }

    /// Lets the device decode its BARs and write to memory, be it for DMA or for messages.
    fn set_command(&self) -> Result<(), SourceError> {
        // The device's own register, not VFIO's copy: all ones say that nothing answers.
        if self.config.read16(STATUS) == Ok(u16::MAX) {
            return Err(SourceError::Removed);
        }
        let command = self.config.read16(COMMAND);
        command
            .and_then(|command| self.config.write16(COMMAND, command | COMMAND_MEMORY | COMMAND_BUS_MASTER))
            .map_err(device_failed("setting its PCI command register"))
    }
}

impl Device {
    /// Opens the device at a PCI address, such as `0000:00:04.0`, and has it decode its BARs and master the bus. It
    /// can't assert its line before that is [connected](crate::source::Source::connect).
    ///
    /// # Errors
    ///
    /// [`Error::Open`], saying in one sentence what is missing: the device, an IOMMU, the driver `vfio-pci`, a kernel
    /// module, a permission, a group that is viable (the devices that aren't bound to VFIO are named).
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::linux::vfio::Device;
    ///
    /// let error = Device::open("ffff:ff:1f.7").unwrap_err();
    /// assert_eq!(error.to_string(), "ffff:ff:1f.7: there is no such PCI device");
    /// ```
    pub fn open(address: &str) -> Result<Self, Error> {
        Self::open_address(address).map_err(opening(String::from(address)))
    }

    fn open_address(address: &str) -> Result<Self, SourceError> {
        let (address, sysfs) = open::find(address)?;
        let descriptors = open::open(&address, &sysfs)?;
        let device = descriptors.device.as_fd();
        let config = ioctl::region_info(device, VFIO_PCI_CONFIG_REGION_INDEX)
            .map_err(failed("looking for its configuration space"))?;
        let inner = Inner {
            config: ConfigSpace::new(descriptors.device.clone(), config.offset),
            modes: Modes::default(),
            removal: RemovalWatch::new(device)?,
            iovas: Iovas::new(&sysfs)?,
            address,
            sysfs,
            descriptors,
        };
        inner.set_command()?;
        // What it asserted before would be a storm on its line, with nobody to answer it before `Intx` is connected.
        inner.config.disable_intx(true).map_err(device_failed("setting its PCI command register"))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The device's PCI address, domain included.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("00:04.0")?;
    /// assert_eq!(device.address(), "0000:00:04.0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    /// The vendor's number.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
    /// assert_eq!(device.vendor_id()?, 0x1234);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vendor_id(&self) -> Result<u16, SourceError> {
        self.config_read(VENDOR_ID).map(u16::from_le_bytes)
    }

    /// The number that the vendor gave this kind of device.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
    /// assert_eq!(device.device_id()?, 0x11e8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn device_id(&self) -> Result<u16, SourceError> {
        self.config_read(DEVICE_ID).map(u16::from_le_bytes)
    }

    /// Reads `N` bytes of the configuration space at `offset`; they are little-endian.
    ///
    /// What was written to the device's registers before has reached it when this returns, except where VFIO answers
    /// in the device's stead, as for the vendor's number.
    ///
    /// # Errors
    ///
    /// [`SourceError::Os`] if the system refuses, as beyond the end of the space; [`SourceError::Removed`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
    /// let status = u16::from_le_bytes(device.config_read(6)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn config_read<const N: usize>(&self, offset: u64) -> Result<[u8; N], SourceError> {
        let read = self.inner.config.read(offset);
        read.map_err(device_failed("reading its PCI configuration space"))
    }

    /// Writes bytes to the configuration space at `offset`. VFIO keeps some fields from being changed.
    ///
    /// While the device does not decode its BARs (command register), or is in a low-power state, an access to mapped
    /// registers ends the program with `SIGBUS`.
    ///
    /// While the device's line is connected, leave the command register alone: VFIO's interrupt handler changes it too,
    /// and a write that meets it may undo the masking of the line.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
    /// device.config_write(0x0c, [16])?; // cache line size
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn config_write<const N: usize>(&self, offset: u64, bytes: [u8; N]) -> Result<(), SourceError> {
        let written = self.inner.config.write(offset, bytes);
        written.map_err(device_failed("writing its PCI configuration space"))
    }

    /// Maps base address register `bar` (0 to 5).
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if there is none of that number, or it can't be mapped, as one of I/O ports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::Registers;
    ///
    /// let registers = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.registers(0)?;
    /// println!("identification {:#x}", registers.read32(0));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn registers(&self, bar: u32) -> Result<MappedRegisters, Error> {
        self.bar(bar).map_err(opening(self.inner.address.clone()))
    }

    fn bar(&self, bar: u32) -> Result<MappedRegisters, SourceError> {
        let missing = || refused(format!("it has no BAR {bar}"));
        if bar > VFIO_PCI_BAR5_REGION_INDEX {
            return Err(missing());
        }
        let region =
            ioctl::region_info(self.inner.device(), bar).map_err(device_failed(format!("looking for BAR {bar}")))?;
        if region.size == 0 {
            return Err(missing());
        }
        if region.flags & VFIO_REGION_INFO_FLAG_MMAP == 0 {
            return Err(refused(format!("BAR {bar} can't be mapped: it is one of I/O ports, or shares its page")));
        }
        let len =
            usize::try_from(region.size).map_err(|_| refused(format!("BAR {bar} is too large to be mapped here")))?;
        let device = self.inner.device();
        MappedRegisters::map_keeping(device, region.offset, len, Some(self.inner.clone()))
    }

    /// Resets the device: its registers are as after power-on, and its configuration space as before the call.
    ///
    /// The kernel can reset a device that has a reset of its own (function-level, or by power management), and one that is
    /// alone behind its bridge.
    ///
    /// Nobody may be using its registers. A connected line is unmasked afterwards, for some resets leave it masked.
    ///
    /// # Errors
    ///
    /// [`SourceError::Refused`] if the device can't be reset; [`SourceError::Os`]; [`SourceError::Removed`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.reset()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) -> Result<(), SourceError> {
        let device = self.inner.device();
        let info = ioctl::device_info(device).map_err(device_failed("asking what it is"))?;
        if info.flags & VFIO_DEVICE_FLAGS_RESET == 0 {
            return Err(refused("it can't be reset"));
        }
        ioctl::reset(device).map_err(device_failed("resetting it"))?;
        self.inner.set_command()?;
        if self.inner.modes.current() == Some(Mode::Intx) {
            // Refused while the line isn't connected, and then there is nothing to unmask.
            let _ = intx::look_again(&self.inner);
        }
        Ok(())
    }

    /// The device's line as a source.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it has no line, or its line or its messages are in use already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?;
    /// let source = device.intx()?;
    /// assert!(device.msi(1).is_err()); // one way to signal at a time
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "INTx")]
    pub fn intx(&self) -> Result<Intx, Error> {
        Intx::new(self.inner.clone()).map_err(opening(self.inner.address.clone()))
    }

    /// Allocates `count` of the device's MSI vectors, or as many as there are.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it has none, `count` is 0, or its line or its messages are in use already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.msi(4)?;
    /// println!("{} of 4", vectors.granted());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "MSI")]
    pub fn msi(&self, count: u32) -> Result<Vectors, Error> {
        self.vectors(Mode::Msi, count)
    }

    /// Allocates `count` of the device's MSI-X vectors, or as many as there are.
    ///
    /// # Errors
    ///
    /// As for [`msi`](Self::msi).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::Device::open("0000:00:06.0")?.msix(8)?;
    /// let sources: Result<Vec<_>, _> = (0..vectors.granted()).map(|i| vectors.vector(i)).collect();
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "MSI-X")]
    pub fn msix(&self, count: u32) -> Result<Vectors, Error> {
        self.vectors(Mode::Msix, count)
    }

    fn vectors(&self, mode: Mode, count: u32) -> Result<Vectors, Error> {
        Vectors::new(self.inner.clone(), mode, count).map_err(opening(self.inner.address.clone()))
    }

    /// Memory of `len` bytes, filled with zeros, that the program and the device share.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if `len` is 0 or more than the program may pin (`RLIMIT_MEMLOCK`).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::Device::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn dma_buffer(&self, len: usize) -> Result<DmaBuffer, Error> {
        DmaBuffer::new(self.inner.clone(), len).map_err(opening(self.inner.address.clone()))
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("address", &self.inner.address)
            .field("mode", &self.inner.modes.current())
            .finish_non_exhaustive()
    }
}
