//! The suite, on a real device.

use std::sync::Arc;

use interrupt_lock::linux::{Uio, vfio};
use interrupt_lock::test_kit::{Attendance, Rig, checks};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Slot, UioLine, VfioLine, VfioMessage};

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => {
            // What is wrong with the device shall not be taken for a failed check.
            Uio::open(path).map_err(Failure::of_the_device)?;
            run_all(UioLine(Slot::of_uio(path).map_err(Failure::Device)?))
        }
        Device::Vfio { address, msi } => {
            vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
            let slot = Slot::of_address(address);
            match msi {
                true => run_all(VfioMessage(slot)),
                false => run_all(VfioLine(slot)),
            }
        }
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

/// Runs every check in each way to be served, also after one has failed: one failure often explains another.
pub fn run_all<R: Rig>(rig: R) -> Result<String, Failure> {
    let rig = Arc::new(rig);
    let (mut passed, mut failed) = (0, Vec::new());
    for check in checks(&*rig) {
        for attendance in Attendance::ALL {
            match check.run(&rig, attendance) {
                Ok(()) => {
                    passed += 1;
                    println!("ok    {}, {attendance}", check.name());
                }
                Err(why) => {
                    println!("WRONG {}, {attendance}: {why}", check.name());
                    failed.push(check.name());
                }
            }
        }
    }
    if failed.is_empty() {
        let kinds = passed / Attendance::ALL.len();
        Ok(format!("{kinds} checks passed in each of {} ways to be served", Attendance::ALL.len()))
    } else {
        Err(Failure::Run(format!("{} of {} checks failed: {}", failed.len(), passed + failed.len(), failed.join(", "))))
    }
}
