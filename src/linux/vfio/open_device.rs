//! What a device shares with its interrupts and its buffers.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    string::String,
};

use vfio_bindings::bindings::vfio::VFIO_PCI_CONFIG_REGION_INDEX;

use crate::cause::SourceError;
use crate::linux::in_use::{Identity, Sole};
use crate::linux::pci::{COMMAND, COMMAND_BUS_MASTER, COMMAND_MEMORY, ConfigSpace, STATUS};
use crate::linux::vfio::iova::Iovas;
use crate::linux::vfio::mode::CurrentMode;
use crate::linux::vfio::opening::{self, AddressSpace, Opened, Place, Way};
use crate::linux::vfio::removal::RemovalWatch;
use crate::sync::Process;
use crate::system::{device_failed, failed, refused, vfio};

/// An open device. The `PciDevice` and everything obtained from it share one, and it is closed with the last of them.
pub(super) struct OpenDevice {
    /// The PCI address, domain included.
    pub(super) address: String,
    /// The device's directory in sysfs.
    pub(super) sysfs: PathBuf,
    pub(super) config: ConfigSpace,
    pub(super) mode: CurrentMode,
    pub(super) removal: Option<RemovalWatch>,
    pub(super) iovas: Iovas,
    opened: Opened,
    process: Process,
    _sole: Sole,
}

impl OpenDevice {
    pub(super) fn open(address: &str) -> Result<Self, SourceError> {
        let place = Place::find(address)?;
        let opened = opening::open(&place)?;
        Self::new(place, opened)
    }

    /// Takes the device at `place`, whose character device other code opened.
    pub(super) fn from_cdev(place: Place, device: OwnedFd, iommufd: OwnedFd) -> Result<Self, SourceError> {
        Self::new(place, opening::given_cdev(device, iommufd)?)
    }

    /// Takes the device that other code took from its group.
    pub(super) fn from_group(address: &str, device: OwnedFd, container: OwnedFd) -> Result<Self, SourceError> {
        let place = Place::find(address)?;
        let opened = opening::given_group(&place, device, container)?;
        Self::new(place, opened)
    }

    /// Has the device decode its BARs and master the bus, and keeps it from asserting its line.
    fn new(Place { address, sysfs }: Place, opened: Opened) -> Result<Self, SourceError> {
        // A descriptor that was taken from a group may have been given twice.
        let sole = Sole::take(Identity::of_pci(&address));
        let sole = sole.ok_or_else(|| refused("it is in use already: this program has opened it"))?;
        let device = opened.device.as_fd();
        let config = vfio::region_info(device, VFIO_PCI_CONFIG_REGION_INDEX)
            .map_err(failed("looking for its configuration space"))?;
        let opened = Self {
            config: ConfigSpace::new(opened.device.clone(), config.offset),
            mode: CurrentMode::default(),
            removal: RemovalWatch::new(device)?,
            iovas: Iovas::new(&sysfs)?,
            address,
            sysfs,
            opened,
            process: Process::this(),
            _sole: sole,
        };
        opened.set_command()?;
        // A line that is asserted now would be a storm: nothing serves it before `Intx` is connected.
        opened.config.disable_intx(true, "setting its PCI command register")?;
        Ok(opened)
    }

    /// Whether this process has opened the device. A forked child leaves its interrupts and its DMA to the parent.
    pub(super) fn is_here(&self) -> bool {
        self.process.is_this()
    }

    /// Refuses to do what the parent would notice, in a forked child.
    pub(super) fn check_here(&self) -> Result<(), SourceError> {
        if self.is_here() {
            return Ok(());
        }
        Err(refused("the process from which this one was forked has opened it: open it here, after the fork"))
    }

    pub(super) fn device(&self) -> BorrowedFd<'_> {
        self.opened.device.as_fd()
    }

    /// Where memory is mapped for the device.
    pub(super) fn memory(&self) -> &dyn AddressSpace {
        &*self.opened.memory
    }

    pub(super) fn way(&self) -> &Way {
        &self.opened.way
    }

    /// Lets the device decode its BARs and write to memory, be it for DMA or for messages.
    pub(super) fn set_command(&self) -> Result<(), SourceError> {
        // The status register is the device's own, not VFIO's copy. All ones: the device does not answer.
        if self.config.read16(STATUS) == Ok(u16::MAX) {
            return Err(SourceError::Removed);
        }
        let command = self.config.read16(COMMAND);
        command
            .and_then(|command| self.config.write16(COMMAND, command | COMMAND_MEMORY | COMMAND_BUS_MASTER))
            .map_err(device_failed("setting its PCI command register"))
    }
}
