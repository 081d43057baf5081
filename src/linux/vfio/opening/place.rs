//! Where a device is: its address, its directory in sysfs, and whether its driver lets programs have it.

use std::{
    format,
    path::{Path, PathBuf},
    string::String,
};

use crate::cause::SourceError;
use crate::system;
use crate::system::{Failure, failed, refused};

/// A device's place.
pub(in crate::linux::vfio) struct Place {
    /// The PCI address, domain included.
    pub(in crate::linux::vfio) address: String,
    /// The device's directory in sysfs.
    pub(in crate::linux::vfio) sysfs: PathBuf,
}

impl Place {
    /// Finds a device by its address, which may lack the domain.
    pub(in crate::linux::vfio) fn find(address: &str) -> Result<Self, SourceError> {
        let address =
            complete(address).ok_or_else(|| refused("it is no address of a PCI device, such as 0000:00:04.0"))?;
        let sysfs = Path::new("/sys/bus/pci/devices").join(&address);
        if !sysfs.exists() {
            return Err(refused("there is no such PCI device"));
        }
        Ok(Self { address, sysfs })
    }

    /// Returns the number of the device's IOMMU group, if VFIO has the device.
    pub(super) fn usable_group(&self) -> Result<String, SourceError> {
        let group = system::link_name(self.sysfs.join("iommu_group"))
            .map_err(failed("asking for its IOMMU group"))?
            .ok_or_else(|| refused("it is in no IOMMU group: the machine has no IOMMU, or it is switched off"))?;
        match driver(&self.sysfs).map_err(failed("asking for its driver"))? {
            Some(driver) if is_vfio(&driver) => Ok(group),
            driver => Err(refused(not_bound(&self.address, driver.as_deref()))),
        }
    }
}

/// Makes `0000:00:04.0` from that or `00:04.0`.
fn complete(address: &str) -> Option<String> {
    let full = match address.matches(':').count() {
        1 => format!("0000:{address}"),
        _ => address.into(),
    };
    let shape: String = full.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
    (shape == "xxxx:xx:xx.x").then_some(full)
}

pub(super) fn driver(sysfs: &Path) -> Result<Option<String>, Failure> {
    system::link_name(sysfs.join("driver"))
}

/// vfio-pci, or one of its variants for particular devices (mlx5_vfio_pci).
pub(super) fn is_vfio(driver: &str) -> bool {
    driver.contains("vfio")
}

/// Says which driver has the device, if any, and how to bind it to `vfio-pci`.
fn not_bound(address: &str, driver: Option<&str>) -> String {
    let (bound, unbind) = match driver {
        Some(driver) => (
            format!("it is bound to the driver {driver}"),
            format!("echo {address} > /sys/bus/pci/drivers/{driver}/unbind; "),
        ),
        None => (String::from("it is bound to no driver"), String::new()),
    };
    format!(
        "{bound}; bind it to vfio-pci first: echo vfio-pci > /sys/bus/pci/devices/{address}/driver_override; \
         {unbind}echo {address} > /sys/bus/pci/drivers_probe"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_or_refused() {
        assert_eq!(complete("0000:00:04.0").as_deref(), Some("0000:00:04.0"));
        assert_eq!(complete("00:1f.7").as_deref(), Some("0000:00:1f.7"));
        for wrong in ["", "edu", "00:04", "0000:00:04.0/..", "../../0000:00:04.0", "0000:00:04:0"] {
            assert_eq!(complete(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_to_do_about_another_driver_is_said() {
        assert_eq!(
            not_bound("0000:00:04.0", None),
            "it is bound to no driver; bind it to vfio-pci first: echo vfio-pci > \
             /sys/bus/pci/devices/0000:00:04.0/driver_override; echo 0000:00:04.0 > /sys/bus/pci/drivers_probe"
        );
        let bound = not_bound("0000:00:04.0", Some("nvme"));
        assert!(bound.starts_with("it is bound to the driver nvme; "), "{bound}");
        assert!(bound.contains("echo 0000:00:04.0 > /sys/bus/pci/drivers/nvme/unbind; "), "{bound}");
    }
}
