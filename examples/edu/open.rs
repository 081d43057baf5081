//! From a device's name to a driver that runs: the only part that knows one kind of device from another.

#[cfg(target_os = "linux")]
#[path = "hardware.rs"]
mod hardware;

#[cfg(target_os = "linux")]
use interrupt_lock::linux::MappedRegisters;
use interrupt_lock::{Error, Interrupt, simulated};

use crate::account::Failure;
use crate::arguments::Device;
use crate::driver::{Answer, Edu, Requests};

/// The driver of an opened device.
pub enum AnyEdu {
    Simulated(Edu<simulated::EduRegisters>),
    #[cfg(target_os = "linux")]
    Mapped(Edu<MappedRegisters>),
}

impl AnyEdu {
    pub fn submit(&self, n: u32) {
        match self {
            Self::Simulated(edu) => edu.submit(n),
            #[cfg(target_os = "linux")]
            Self::Mapped(edu) => edu.submit(n),
        }
    }

    pub fn answer(&self) -> Result<Answer, Error> {
        match self {
            Self::Simulated(edu) => edu.answer(),
            #[cfg(target_os = "linux")]
            Self::Mapped(edu) => edu.answer(),
        }
    }

    pub fn interrupt(&self) -> &Interrupt<Requests> {
        match self {
            Self::Simulated(edu) => &edu.interrupt,
            #[cfg(target_os = "linux")]
            Self::Mapped(edu) => &edu.interrupt,
        }
    }
}

pub fn open(device: &Device) -> Result<AnyEdu, Failure> {
    match device {
        Device::Simulated => simulated().map_err(Failure::of_the_device),
        #[cfg(target_os = "linux")]
        Device::Uio(path) => hardware::uio(path),
        #[cfg(target_os = "linux")]
        Device::Vfio { address, msi } => hardware::vfio(address, *msi),
        #[cfg(not(target_os = "linux"))]
        Device::Uio(device) | Device::Vfio { address: device, .. } => {
            Err(Failure::Device(format!("{device}: UIO and VFIO are Linux's")))
        }
    }
}

fn simulated() -> Result<AnyEdu, Error> {
    let edu = simulated::Edu::new();
    let line = edu.line()?;
    Edu::new("edu".into(), edu.registers(), line).map(AnyEdu::Simulated)
}
