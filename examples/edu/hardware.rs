//! A real device, through UIO or VFIO.

use interrupt_lock::linux::{MappedRegisters, Uio};
use interrupt_lock::{Registers, source::Source};

use super::AnyEdu;
use crate::account::Failure;
use crate::driver::Edu;

const IDENTIFICATION: usize = 0x00;
/// In IDENTIFICATION: the lowest byte is the same in every version of the device, the others are the version.
const KIND: u32 = 0xff;
const EDU: u32 = 0xed;
/// How long the block of registers that this driver uses is.
const REGISTERS: usize = 0x100;

pub fn uio(path: &str) -> Result<AnyEdu, Failure> {
    let uio = Uio::open(path).map_err(Failure::of_the_device)?;
    let registers = uio.registers(0).map_err(Failure::of_the_device)?;
    mapped(path, registers, uio)
}

#[cfg(target_pointer_width = "64")]
pub fn vfio(address: &str, msi: bool) -> Result<AnyEdu, Failure> {
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
pub fn vfio(address: &str, _msi: bool) -> Result<AnyEdu, Failure> {
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
