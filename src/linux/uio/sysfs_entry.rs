//! What sysfs says of a UIO device.

use std::{
    format,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    string::String,
};

use crate::cause::SourceError;
use crate::info::Info;
use crate::linux::pci::ConfigSpace;
use crate::linux::{MappedRegisters, pci};
use crate::system;
use crate::system::{Open, failed, refused};

/// The directory of a UIO device in sysfs, such as `/sys/class/uio/uio0`.
pub(super) struct SysfsEntry(PathBuf);

impl SysfsEntry {
    /// Finds the directory of a character device with these numbers. Returns `None` if it is not a UIO device.
    pub(super) fn of((major, minor): (u32, u32)) -> Result<Option<Self>, SourceError> {
        let path = PathBuf::from(format!("/sys/dev/char/{major}:{minor}"));
        let subsystem =
            system::link_name(path.join("subsystem")).map_err(failed("asking what kind of device it is"))?;
        Ok((subsystem.as_deref() == Some("uio")).then_some(Self(path)))
    }

    /// Returns how many interrupts the kernel has counted.
    pub(super) fn count(&self) -> Option<u32> {
        // Some versions of the kernel write the count as a signed number.
        let text = system::attribute(self.0.join("event"))?;
        text.parse().ok().or_else(|| text.parse().ok().map(i32::cast_unsigned))
    }

    pub(super) fn is_pci_generic(&self) -> Result<bool, SourceError> {
        let driver = system::link_name(self.0.join("device/driver")).map_err(failed("asking for its driver"))?;
        Ok(driver.as_deref() == Some("uio_pci_generic"))
    }

    fn is_pci(&self) -> bool {
        system::link_name(self.0.join("device/subsystem")).is_ok_and(|subsystem| subsystem.as_deref() == Some("pci"))
    }

    pub(super) fn config_space(&self) -> Result<ConfigSpace, SourceError> {
        let config = open(&self.0.join("device/config"))?;
        Ok(ConfigSpace::new(config, 0))
    }

    /// Returns the device's own directory.
    pub(super) fn device(&self) -> PathBuf {
        self.0.join("device")
    }

    pub(super) fn info(&self) -> Info {
        if self.is_pci() { pci::line(&self.0.join("device")) } else { Info::default() }
    }

    pub(super) fn device_path(&self) -> String {
        let name = system::link_name(&self.0).ok().flatten().unwrap_or_default();
        format!("/dev/{name}")
    }

    pub(super) fn registers(&self, device: impl AsFd, number: u32) -> Result<MappedRegisters, SourceError> {
        if self.is_pci_generic()? {
            return self.bar(number);
        }
        let map = self.0.join(format!("maps/map{number}"));
        let missing = || refused(format!("it has no map {number}"));
        let len = system::number(map.join("size")).ok_or_else(missing)?;
        let into_page = system::number(map.join("offset")).unwrap_or(0);
        // UIO takes the page offset for the number of the map.
        let offset = u64::from(number) * system::page_size() as u64 + into_page;
        MappedRegisters::map_keeping(device, offset, as_len(len)?, None)
    }

    fn bar(&self, number: u32) -> Result<MappedRegisters, SourceError> {
        let path = self.0.join(format!("device/resource{number}"));
        if !path.exists() {
            return Err(refused(format!("it has no BAR {number}")));
        }
        let resource = open(&path)?;
        let len = as_len(system::len(&resource).map_err(failed("sizing the BAR"))?)?;
        MappedRegisters::map_keeping(&resource, 0, len, None).map_err(|error| match error {
            SourceError::Os { doing, source } => SourceError::Os {
                doing: format!("BAR {number} (one of I/O ports can't be mapped): {doing}").into(),
                source,
            },
            error => error,
        })
    }
}

fn open(path: &Path) -> Result<OwnedFd, SourceError> {
    system::open(path, Open::Registers).map_err(failed(format!("opening {}", path.display())))
}

fn as_len(len: u64) -> Result<usize, SourceError> {
    usize::try_from(len).map_err(|_| refused("it is too large to be mapped here"))
}
