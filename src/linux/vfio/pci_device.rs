//! A PCI device, for the driver author.

use std::{fmt, format, os::fd::OwnedFd, string::String, sync::Arc};

use vfio_bindings::bindings::vfio::{VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_BAR5_REGION_INDEX, VFIO_REGION_INFO_FLAG_MMAP};

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::linux::MappedRegisters;
use crate::linux::pci::{DEVICE_ID, VENDOR_ID};
use crate::linux::vfio::mode::Mode;
use crate::linux::vfio::open_device::OpenDevice;
use crate::linux::vfio::opening::place_of;
use crate::linux::vfio::{DmaBuffer, Intx, Vectors, Way, intx};
use crate::system::{device_failed, opening, refused, vfio};

/// A PCI device, opened through VFIO: the way to its registers, its interrupts and its DMA memory.
///
/// A clone is another handle to the same open device. Everything obtained from a device keeps it open.
///
/// Of an IOMMU group one device can be open at a time.
///
/// # Examples
///
/// ```no_run
/// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
/// println!("{:04x}:{:04x}", device.vendor_id()?, device.device_id()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PciDevice {
    shared: Arc<OpenDevice>,
}

impl PciDevice {
    /// Opens the device at a PCI address, such as `0000:00:04.0` or `00:04.0`.
    ///
    /// It is opened by its own character device, with iommufd. Where that can't be had, it is opened by its IOMMU group.
    /// [`way`](Self::way) returns which way it was.
    ///
    /// The device then decodes its BARs and masters the bus. It can't assert its line before that is
    /// [connected](crate::source::Source::connect).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] with:
    ///
    /// - [`SourceError::Refused`], which says in one sentence what is missing: the device, an IOMMU, or the driver
    ///   `vfio-pci`;
    /// - [`SourceError::Ways`], which says for each of the two ways what is missing: a file, a kernel module, a
    ///   permission, a viable group (it names the devices of the group that aren't bound to VFIO);
    /// - [`SourceError::Os`] or [`SourceError::Removed`] if an open device does not answer as it should.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::linux::vfio::PciDevice;
    ///
    /// let error = PciDevice::open("ffff:ff:1f.7").unwrap_err();
    /// assert_eq!(format!("{error:#}"), "ffff:ff:1f.7: could not be set up: there is no such PCI device");
    /// ```
    pub fn open(address: &str) -> Result<Self, Error> {
        OpenDevice::open(address).map(Self::of).map_err(opening(String::from(address)))
    }

    /// Takes the device's own character device and an iommufd from a supervisor that opened both. For a driver that may
    /// open neither.
    ///
    /// `device` is `/dev/vfio/devices/vfioN`, newly opened for this call. `iommufd` is `/dev/iommu`. Other devices and
    /// programs may use the same iommufd: the device gets an address space of its own there. The descriptors are closed on
    /// exec from here on, and with the last of what was obtained from the device. The address is found in sysfs.
    ///
    /// [The module](super#a-driver-without-privileges) says what the supervisor has to do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - `device` is something else, or `iommufd` is;
    /// - the device is bound to an iommufd already: a descriptor can be used once;
    /// - the device is open by its group;
    /// - sysfs can't be read.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::os::fd::OwnedFd;
    /// use interrupt_lock::{Error, linux::vfio::PciDevice};
    ///
    /// fn start(device: OwnedFd, iommufd: OwnedFd) -> Result<(), Error> { // as the supervisor passed them
    ///     let device = PciDevice::from_cdev(device, iommufd)?;
    ///     println!("serving {}", device.address());
    ///     Ok(())
    /// }
    /// # let open = |path| std::fs::File::options().read(true).write(true).open(path);
    /// # start(open("/dev/vfio/devices/vfio0").unwrap().into(), open("/dev/iommu").unwrap().into()).unwrap();
    /// ```
    ///
    /// ```
    /// # use interrupt_lock::linux::vfio::PciDevice;
    /// # let open = |path| std::fs::File::options().read(true).write(true).open(path);
    /// let error = PciDevice::from_cdev(open("/dev/null")?.into(), open("/dev/null")?.into()).unwrap_err();
    /// assert!(format!("{error:#}").contains("the descriptor is of no VFIO device"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_cdev(device: OwnedFd, iommufd: OwnedFd) -> Result<Self, Error> {
        let place = place_of(&device).map_err(opening("VFIO device"))?;
        let address = place.address.clone();
        OpenDevice::from_cdev(place, device, iommufd).map(Self::of).map_err(opening(address))
    }

    /// Takes a device and the container of its IOMMU group from a supervisor that opened both. For a driver that may open
    /// neither, on a kernel without character devices.
    ///
    /// The supervisor says the address too, because the kernel does not tell which device `device` is of. The container
    /// has to be this device's alone, because this device's memory is mapped at addresses of the crate's choice. The
    /// descriptors are closed on exec from here on, and with the last of what was obtained from the device.
    ///
    /// [The module](super#a-driver-without-privileges) says what the supervisor has to do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if:
    ///
    /// - there is no device at that address, or `device` is of a device of another vendor or kind;
    /// - `container` is no container;
    /// - this program has the device already;
    /// - sysfs can't be read.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::os::fd::OwnedFd;
    /// use interrupt_lock::{Error, linux::vfio::PciDevice};
    ///
    /// fn start(address: &str, device: OwnedFd, container: OwnedFd) -> Result<(), Error> { // as the supervisor passed them
    ///     let device = PciDevice::from_group(address, device, container)?;
    ///     println!("serving {}", device.address());
    ///     Ok(())
    /// }
    /// # let open = |path| std::fs::File::options().read(true).write(true).open(path);
    /// # start("0000:00:04.0", open("/dev/null").unwrap().into(), open("/dev/vfio/vfio").unwrap().into()).unwrap();
    /// ```
    pub fn from_group(address: &str, device: OwnedFd, container: OwnedFd) -> Result<Self, Error> {
        OpenDevice::from_group(address, device, container).map(Self::of).map_err(opening(String::from(address)))
    }

    fn of(opened: OpenDevice) -> Self {
        Self { shared: Arc::new(opened) }
    }

    /// Returns which way the device was opened: by its character device or by its group, and why.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// println!("opened {}", device.way()); // "opened by its character device"
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn way(&self) -> &Way {
        self.shared.way()
    }

    /// Returns the device's PCI address, domain included.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("00:04.0")?;
    /// assert_eq!(device.address(), "0000:00:04.0");
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// Reads the PCI vendor number.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// assert_eq!(device.vendor_id()?, 0x1234);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vendor_id(&self) -> Result<u16, SourceError> {
        self.config_read(VENDOR_ID).map(u16::from_le_bytes)
    }

    /// Reads the PCI device number: which of the vendor's kinds of device it is.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// assert_eq!(device.device_id()?, 0x11e8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn device_id(&self) -> Result<u16, SourceError> {
        self.config_read(DEVICE_ID).map(u16::from_le_bytes)
    }

    /// Reads `N` bytes of the configuration space at `offset`. They are little-endian.
    ///
    /// When this returns, every earlier write to the device's registers has reached the device. Fields that VFIO
    /// emulates, such as the vendor number, are an exception: VFIO answers for them without asking the device.
    ///
    /// # Errors
    ///
    /// - [`SourceError::Os`] if the system refuses, for example beyond the end of the space.
    /// - [`SourceError::Removed`] if the device is gone.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// let status = u16::from_le_bytes(device.config_read(6)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn config_read<const N: usize>(&self, offset: u64) -> Result<[u8; N], SourceError> {
        let read = self.shared.config.read(offset);
        read.map_err(device_failed("reading its PCI configuration space"))
    }

    /// Writes bytes to the configuration space at `offset`. VFIO protects some fields from changes.
    ///
    /// - An access to mapped registers ends the program with `SIGBUS` while the device does not decode its BARs
    ///   (command register) or is in a low-power state.
    /// - Leave the command register alone while the device's line is connected. VFIO's interrupt handler changes it
    ///   too, and a write at the same moment may undo the masking of the line.
    ///
    /// # Errors
    ///
    /// As for [`config_read`](Self::config_read).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// device.config_write(0x0c, [16])?; // cache line size
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn config_write<const N: usize>(&self, offset: u64, bytes: [u8; N]) -> Result<(), SourceError> {
        let written = self.shared.config.write(offset, bytes);
        written.map_err(device_failed("writing its PCI configuration space"))
    }

    /// Maps the registers behind base address register `bar` (0 to 5).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the device has no BAR of that number, or the BAR can't be mapped (one of I/O ports
    /// can't).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use interrupt_lock::Registers;
    ///
    /// let registers = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.registers(0)?;
    /// println!("identification {:#x}", registers.read32(0));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn registers(&self, bar: u32) -> Result<MappedRegisters, Error> {
        self.bar(bar).map_err(opening(self.shared.address.clone()))
    }

    fn bar(&self, bar: u32) -> Result<MappedRegisters, SourceError> {
        let missing = || refused(format!("it has no BAR {bar}"));
        if bar > VFIO_PCI_BAR5_REGION_INDEX {
            return Err(missing());
        }
        let region =
            vfio::region_info(self.shared.device(), bar).map_err(device_failed(format!("looking for BAR {bar}")))?;
        if region.size == 0 {
            return Err(missing());
        }
        if region.flags & VFIO_REGION_INFO_FLAG_MMAP == 0 {
            return Err(refused(format!("BAR {bar} can't be mapped: it is one of I/O ports, or shares its page")));
        }
        let len =
            usize::try_from(region.size).map_err(|_| refused(format!("BAR {bar} is too large to be mapped here")))?;
        let device = self.shared.device();
        MappedRegisters::map_keeping(device, region.offset, len, Some(self.shared.clone()))
    }

    /// Resets the device: its registers are as after power-on, and its configuration space as before the call.
    ///
    /// The kernel can reset a device that has a reset of its own (function-level, or by power management), and one that
    /// is alone behind its bridge.
    ///
    /// No thread may use the registers during the reset. A connected line is unmasked afterwards, because some resets
    /// leave it masked.
    ///
    /// # Errors
    ///
    /// - [`SourceError::Refused`] if the device can't be reset.
    /// - [`SourceError::Os`] if the reset fails.
    /// - [`SourceError::Removed`] if the device is gone.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.reset()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) -> Result<(), SourceError> {
        self.shared.check_here()?;
        let device = self.shared.device();
        let info = vfio::device_info(device).map_err(device_failed("asking what it is"))?;
        if info.flags & VFIO_DEVICE_FLAGS_RESET == 0 {
            return Err(refused("it can't be reset"));
        }
        vfio::reset(device).map_err(device_failed("resetting it"))?;
        self.shared.set_command()?;
        if self.shared.mode.get() == Some(Mode::Intx) {
            // The kernel refuses this while the line isn't connected. Then there is nothing to unmask.
            let _ = intx::look_again(&self.shared);
        }
        Ok(())
    }

    /// Returns the device's line (INTx) as a source.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the device has no line, or its line or its messages are in use already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let device = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?;
    /// let source = device.intx()?;
    /// assert!(device.msi(1).is_err()); // one way to signal at a time
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "INTx")]
    pub fn intx(&self) -> Result<Intx, Error> {
        Intx::new(self.shared.clone()).map_err(opening(self.shared.address.clone()))
    }

    /// Allocates `count` of the device's MSI vectors, or fewer if the device or the system has fewer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the device has no MSI vectors, `count` is 0, or its line or its messages are in use
    /// already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.msi(4)?;
    /// println!("{} of 4", vectors.granted());
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "MSI")]
    pub fn msi(&self, count: u32) -> Result<Vectors, Error> {
        self.vectors(Mode::Msi, count)
    }

    /// Allocates `count` of the device's MSI-X vectors, or fewer if the device or the system has fewer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if the device has no MSI-X vectors, `count` is 0, or its line or its messages are in use
    /// already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let vectors = interrupt_lock::linux::vfio::PciDevice::open("0000:00:06.0")?.msix(8)?;
    /// let sources: Result<Vec<_>, _> = (0..vectors.granted()).map(|i| vectors.vector(i)).collect();
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "MSI-X")]
    pub fn msix(&self, count: u32) -> Result<Vectors, Error> {
        self.vectors(Mode::Msix, count)
    }

    fn vectors(&self, mode: Mode, count: u32) -> Result<Vectors, Error> {
        Vectors::new(self.shared.clone(), mode, count).map_err(opening(self.shared.address.clone()))
    }

    /// Allocates `len` bytes of memory, filled with zeros, that the program and the device share.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`] if `len` is 0 or more than the program may pin (`RLIMIT_MEMLOCK`).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let buffer = interrupt_lock::linux::vfio::PciDevice::open("0000:00:04.0")?.dma_buffer(4096)?;
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn dma_buffer(&self, len: usize) -> Result<DmaBuffer, Error> {
        DmaBuffer::new(self.shared.clone(), len).map_err(opening(self.shared.address.clone()))
    }
}

impl fmt::Debug for PciDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PciDevice")
            .field("address", &self.shared.address)
            .field("way", self.way())
            .field("mode", &self.shared.mode.get())
            .finish_non_exhaustive()
    }
}
