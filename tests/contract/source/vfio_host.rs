//! What VFIO returns on a machine without it. The other tests need a device, and run in the lab.

use interrupt_lock::linux::vfio::PciDevice;

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
