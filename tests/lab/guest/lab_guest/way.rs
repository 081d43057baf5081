//! Which way a device is opened, and why: what the library tells.

use interrupt_lock::linux::vfio::{PciDevice, Way};

use crate::account::Failure;
use crate::arguments::Device;

pub fn run(device: &Device) -> Result<String, Failure> {
    let Device::Vfio { address, .. } = device else {
        return Err(Failure::usage("way goes with --vfio".into()));
    };
    let device = PciDevice::open(address).map_err(Failure::of_the_device)?;
    let way = device.way();
    Ok(match way {
        Way::Group { instead: Some(why) } => format!("{way}, because not by its character device: {why:#}"),
        _ => way.to_string(),
    })
}
