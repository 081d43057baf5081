//! Every call of the system that a real device's interrupt needs, refused at every place and with every number (rule I19).

use interrupt_lock::linux::{MappedRegisters, Uio, vfio};
use interrupt_lock::source::Source;
use interrupt_lock::{Error, Registers};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{ACKNOWLEDGE, INTERRUPT_STATUS, RAISE};
use support::campaign::{Campaign, Unit, unit};

pub fn run(device: &Device) -> Result<String, Failure> {
    let build = || Ok(vec![open(device)?]);
    let lives = Campaign { build: &build }.run();
    Ok(format!("{lives} lives"))
}

fn open(device: &Device) -> Result<Unit, Error> {
    match device {
        Device::Uio(path) => {
            let source = Uio::open(path)?;
            let registers = source.registers(0)?;
            edu("uio", source, registers)
        }
        Device::Vfio { address, msi } => {
            let device = vfio::PciDevice::open(address)?;
            let registers = device.registers(0)?;
            let unit = match msi {
                false => edu("intx", device.intx()?, registers),
                true => edu("msi", device.msi(1)?.vector(0)?, registers),
            };
            // Memory is mapped for the device, and taken from it, in every life.
            device.dma_buffer(4096)?;
            unit
        }
        Device::Simulated => panic!("{}", crate::USAGE),
    }
}

fn edu(name: &'static str, source: impl Source + 'static, registers: MappedRegisters) -> Result<Unit, Error> {
    let isr = registers.clone();
    let acknowledge = move || {
        let status = isr.read32(INTERRUPT_STATUS);
        isr.write32(ACKNOWLEDGE, status);
        u64::from(status != 0)
    };
    // The device's state outlives the life before.
    acknowledge();
    unit(name, source, move || registers.write32(RAISE, 2), move |_| acknowledge(), None)
}
