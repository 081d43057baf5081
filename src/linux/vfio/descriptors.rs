//! Opening a device: from its address to its descriptors, with one clear sentence for each thing that can be missing.

use std::{
    ffi::CString,
    format,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    string::String,
    sync::Arc,
    vec::Vec,
};

use vfio_bindings::bindings::vfio::{VFIO_GROUP_FLAGS_VIABLE, VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU};

use crate::cause::SourceError;
use crate::system;
use crate::system::{Failure, Open, Unopened, failed, refused, vfio};

/// The open descriptors of a device. They are closed in this order.
pub(super) struct Descriptors {
    pub(super) device: Arc<OwnedFd>,
    _group: OwnedFd,
    pub(super) container: OwnedFd,
}

/// Returns the full address and the directory in sysfs of a device. The address may lack the domain.
pub(super) fn find(address: &str) -> Result<(String, PathBuf), SourceError> {
    let full = complete(address).ok_or_else(|| refused("it is no address of a PCI device, such as 0000:00:04.0"))?;
    let sysfs = Path::new("/sys/bus/pci/devices").join(&full);
    if !sysfs.exists() {
        return Err(refused("there is no such PCI device"));
    }
    Ok((full, sysfs))
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

/// Opens the device at `address`.
pub(super) fn open(address: &str, sysfs: &Path) -> Result<Descriptors, SourceError> {
    let group_number = system::link_name(sysfs.join("iommu_group"))
        .map_err(failed("asking for its IOMMU group"))?
        .ok_or_else(|| refused("it is in no IOMMU group: the machine has no IOMMU, or it is switched off"))?;
    match driver(sysfs).map_err(failed("asking for its driver"))? {
        Some(driver) if is_vfio(&driver) => {}
        driver => return Err(refused(not_bound(address, driver.as_deref()))),
    }

    let container = open_file("/dev/vfio/vfio", "the kernel's module vfio")?;
    if !vfio::has_this_api(container.as_fd()).map_err(failed("asking for VFIO's version"))? {
        return Err(refused("this kernel's VFIO is of another version"));
    }
    let group_path = format!("/dev/vfio/{group_number}");
    let group = open_file(&group_path, "the kernel's driver vfio-pci")?;
    let flags = vfio::group_flags(group.as_fd()).map_err(failed("asking for its group's state"))?;
    if flags & VFIO_GROUP_FLAGS_VIABLE == 0 {
        return Err(not_viable(&group_number));
    }
    vfio::set_container(group.as_fd(), container.as_fd())
        .map_err(failed(format!("putting {group_path} into a container")))?;
    set_iommu(&container)?;

    let name = CString::new(address).map_err(|_| refused("there is no such PCI device"))?;
    let device = vfio::device(group.as_fd(), &name).map_err(failed(format!("taking it from {group_path}")))?;
    Ok(Descriptors { device: Arc::new(device), _group: group, container })
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

/// Opens a file of VFIO's, which `provider` provides.
fn open_file(path: &str, provider: &str) -> Result<OwnedFd, SourceError> {
    system::open(Path::new(path), Open::Plain).map_err(|failure| {
        let doing = match failure.unopened() {
            Unopened::Missing => format!("opening {path}, which {provider} provides"),
            Unopened::Forbidden => format!("opening {path}, which needs read and write permission"),
            Unopened::Busy => format!("opening {path}, which another program or an earlier device has open"),
            Unopened::Otherwise => format!("opening {path}"),
        };
        failed(doing)(failure)
    })
}

fn set_iommu(container: &OwnedFd) -> Result<(), SourceError> {
    let container = container.as_fd();
    let kind = [VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU]
        .into_iter()
        .find(|&kind| vfio::has_extension(container, kind).unwrap_or(false))
        .ok_or_else(|| refused("no IOMMU of type 1: the kernel's module vfio_iommu_type1 provides it"))?;
    vfio::set_iommu(container, kind).map_err(|failure| {
        failed(if failure.is_forbidden() {
            "setting the IOMMU (one that can't remap interrupts needs the parameter \
             allow_unsafe_interrupts=1 of vfio_iommu_type1)"
        } else {
            "setting the IOMMU"
        })(failure)
    })
}

fn driver(sysfs: &Path) -> Result<Option<String>, Failure> {
    system::link_name(sysfs.join("driver"))
}

/// vfio-pci, or one of its variants for particular devices (mlx5_vfio_pci).
fn is_vfio(driver: &str) -> bool {
    driver.contains("vfio")
}

/// Names the devices that keep a group from being viable: those bound to a driver that is neither VFIO's nor one that
/// does no DMA.
fn not_viable(group: &str) -> SourceError {
    let devices = PathBuf::from(format!("/sys/kernel/iommu_groups/{group}/devices"));
    let strangers: Vec<String> = system::names(&devices)
        .into_iter()
        .filter_map(|device| {
            let driver = driver(&devices.join(&device)).ok()??;
            let stranger = !is_vfio(&driver) && driver != "pcieport" && driver != "pci-stub";
            stranger.then(|| format!("{device} ({driver})"))
        })
        .collect();
    refused(format!("its IOMMU group {group} is not viable: bind to vfio-pci, too: {}", strangers.join(", ")))
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

    #[test]
    fn a_file_of_vfios_that_is_not_there_names_what_provides_it() {
        let error = open_file("/nowhere/vfio", "the kernel's module vfio").unwrap_err();
        let said = std::string::ToString::to_string(&error);
        assert!(said.starts_with("opening /nowhere/vfio, which the kernel's module vfio provides"), "{said}");
    }
}
