//! What VFIO returns on a machine without it. The other tests need a device, and run in the lab.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use interrupt_lock::linux::vfio::PciDevice;
use interrupt_lock::{Errno, SourceError};

fn sentence(address: &str) -> String {
    format!("{:#}", PciDevice::open(address).unwrap_err())
}

#[test]
fn a_device_that_is_not_there_is_named() {
    assert_eq!(sentence("ffff:ff:1f.7"), "ffff:ff:1f.7: could not be set up: there is no such PCI device");
    assert_eq!(sentence("ff:1f.7"), "ff:1f.7: could not be set up: there is no such PCI device");
}

#[test]
fn what_is_no_address_is_told_from_what_is_not_there() {
    for wrong in ["", "edu", "0000:00:04", "../../../dev"] {
        assert_eq!(
            sentence(wrong),
            format!("{wrong}: could not be set up: it is no address of a PCI device, such as 0000:00:04.0")
        );
    }
}

#[test]
fn a_device_of_this_machine_that_is_not_vfios_is_refused() {
    let Ok(devices) = std::fs::read_dir("/sys/bus/pci/devices") else {
        return;
    };
    for device in devices.flatten() {
        let driver = std::fs::read_link(device.path().join("driver"));
        if driver.is_ok_and(|driver| driver.ends_with("vfio-pci")) {
            continue;
        }
        let address = device.file_name().into_string().unwrap();
        let sentence = sentence(&address);
        assert!(sentence.contains("IOMMU group") || sentence.contains("vfio-pci"), "{sentence}");
    }
}

fn file(path: &str) -> OwnedFd {
    File::options().read(true).write(true).open(path).unwrap().into()
}

// Caught: a character device of another class that is looked up as VFIO's; a container that is not asked for its version.
#[test]
fn what_is_given_and_is_no_device_is_refused() {
    let cdev = |device| format!("{:#}", PciDevice::from_cdev(device, file("/dev/null")).unwrap_err());
    let no_device = "VFIO device: could not be set up: the descriptor is of no VFIO device (/dev/vfio/devices/vfioN)";
    assert_eq!(cdev(file("/dev/null")), no_device);
    let (socket, peer) = UnixStream::pair().unwrap();
    assert_eq!(cdev(socket.into()), no_device);
    assert_eq!((&peer).read(&mut [0]).unwrap(), 0, "it is closed");

    let group =
        |address: &str, device| format!("{:#}", PciDevice::from_group(address, device, file("/dev/null")).unwrap_err());
    let nowhere = "ffff:ff:1f.7: could not be set up: there is no such PCI device";
    let (socket, peer) = UnixStream::pair().unwrap();
    assert_eq!(group("ffff:ff:1f.7", socket.into()), nowhere);
    assert_eq!((&peer).read(&mut [0]).unwrap(), 0, "it is closed");
    for device in std::fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten() {
        let address = device.file_name().into_string().unwrap();
        let said = group(&address, file("/dev/null"));
        let expected = format!("{address}: could not be set up: asking the container for VFIO's version: ioctl: ");
        assert!(said.starts_with(&expected), "{said}");
    }
}

// Caught: a way whose cause is left out.
#[test]
fn each_way_that_failed_is_told_with_its_cause() {
    let os = |doing: &'static str, number| SourceError::Os { doing: doing.into(), source: Errno::new(number) };
    let (cdev, group) = (os("opening /dev/iommu", 2), os("opening /dev/vfio/7", 13));
    let ways = vec![("by its character device".into(), cdev.clone()), ("by its IOMMU group".into(), group.clone())];
    let error = SourceError::Ways(Arc::new(ways));
    let expected = "by its character device: opening /dev/iommu: No such file or directory (os error 2); \
                    by its IOMMU group: opening /dev/vfio/7: Permission denied (os error 13)";
    assert_eq!(format!("{error}"), expected);
    assert_eq!(format!("{error:#}"), expected);
}
