//! From a device's name to a driver that runs: the only part that knows one kind of device from another.

use interrupt_lock::{
    Error, Interrupt, Registers,
    linux::{MappedRegisters, Uio},
    simulated,
    source::Source,
};

use crate::account::Failure;
use crate::arguments::Device;
use crate::driver::device::{EDU, IDENTIFICATION, KIND, REGISTERS};
use crate::driver::{Answer, Edu, Requests};

/// The driver of an opened device.
pub enum AnyEdu {
    Simulated(Edu<simulated::EduRegisters>),
    Mapped(Edu<MappedRegisters>),
}

impl AnyEdu {
    pub fn submit(&self, n: u32) {
        match self {
            Self::Simulated(edu) => edu.submit(n),
            Self::Mapped(edu) => edu.submit(n),
        }
    }

    pub fn answer(&self) -> Result<Answer, Error> {
        match self {
            Self::Simulated(edu) => edu.answer(),
            Self::Mapped(edu) => edu.answer(),
        }
    }

    pub fn interrupt(&self) -> &Interrupt<Requests> {
        match self {
            Self::Simulated(edu) => &edu.interrupt,
            Self::Mapped(edu) => &edu.interrupt,
        }
    }
}

pub fn open(device: &Device) -> Result<AnyEdu, Failure> {
    match device {
        Device::Simulated => simulated().map_err(Failure::of_the_device),
        Device::Uio(path) => uio(path),
        Device::Vfio { address, msi } => vfio(address, *msi),
    }
}

fn simulated() -> Result<AnyEdu, Error> {
    let edu = simulated::Edu::new();
    let line = edu.line()?;
    Edu::new("edu".into(), edu.registers(), line).map(AnyEdu::Simulated)
}

fn uio(path: &str) -> Result<AnyEdu, Failure> {
    let uio = Uio::open(path).map_err(Failure::of_the_device)?;
    let registers = uio.registers(0).map_err(Failure::of_the_device)?;
    mapped(path, registers, uio)
}

#[cfg(target_pointer_width = "64")]
fn vfio(address: &str, msi: bool) -> Result<AnyEdu, Failure> {
    use interrupt_lock::linux::vfio;

    let device = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
    let registers = device.registers(0).map_err(Failure::of_the_device)?;
    if msi {
        let vectors = device.msi(1).map_err(Failure::of_the_device)?;
        mapped(address, registers, vectors.vector(0).map_err(Failure::of_the_device)?)
    } else {
        mapped(address, registers, device.intx().map_err(Failure::of_the_device)?)
    }
}

#[cfg(not(target_pointer_width = "64"))]
fn vfio(address: &str, _msi: bool) -> Result<AnyEdu, Failure> {
    Err(Failure::Device(format!("{address}: VFIO can be used on 64-bit processors only")))
}

fn mapped(name: &str, registers: MappedRegisters, source: impl Source + 'static) -> Result<AnyEdu, Failure> {
    // A smaller block of registers can't be this device's.
    if registers.len() < REGISTERS || registers.read32(IDENTIFICATION) & KIND != EDU {
        return Err(Failure::Device(format!("{name} is not an edu device")));
    }
    let edu = Edu::new(name.into(), registers, source);
    edu.map(AnyEdu::Mapped).map_err(Failure::of_the_device)
}
