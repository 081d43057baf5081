//! Register types of other crates over the mapped registers of a real device: the drivers of `tests/registers`.

#[path = "../../../registers/over_any.rs"]
mod over_any;
#[allow(dead_code, reason = "nothing is simulated here, and the accesses have to be made all the same")]
#[path = "../../../registers/redirected.rs"]
mod redirected;
#[path = "../../../registers/safe.rs"]
mod safe;
#[path = "../../../registers/tock.rs"]
mod tock;

use interrupt_lock::linux::{MappedRegisters, Uio, vfio};
use interrupt_lock::source::Source;
use interrupt_lock::{Error, Interrupt};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{ensure, until};

/// How many factorials each driver asks for.
const REQUESTS: u32 = 1000;

pub fn run(device: &Device) -> Result<String, Failure> {
    let mut total = 0;
    let (registers, source) = open(device)?;
    total += requests(safe::driver(registers, source), safe::Edu::compute, |edu| edu.result.take())?;
    let (registers, source) = open(device)?;
    total += requests(tock::driver(registers, source), tock::Edu::compute, |edu| edu.result.take())?;
    let (registers, source) = open(device)?;
    total += requests(over_any::driver(registers, source), over_any::Edu::compute, |edu| edu.result.take())?;
    Ok(format!("{total} factorials by three drivers"))
}

fn open(device: &Device) -> Result<(MappedRegisters, Box<dyn Source>), Failure> {
    match device {
        Device::Uio(path) => {
            let uio = Uio::open(path).map_err(Failure::of_the_device)?;
            let registers = uio.registers(0).map_err(Failure::of_the_device)?;
            Ok((registers, Box::new(uio)))
        }
        Device::Vfio { address, .. } => {
            let device = vfio::PciDevice::open(address).map_err(Failure::of_the_device)?;
            let registers = device.registers(0).map_err(Failure::of_the_device)?;
            Ok((registers, Box::new(device.intx().map_err(Failure::of_the_device)?)))
        }
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

/// Has the device compute factorials, one after the other. Returns how many.
fn requests<T: Send + 'static>(
    driver: Result<Interrupt<T>, Error>,
    compute: impl Fn(&mut T, u32),
    result: impl Fn(&mut T) -> Option<u32>,
) -> Result<u32, Failure> {
    let interrupt = driver.map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    for n in (0..REQUESTS).map(|request| request % 12) {
        interrupt.synchronize(|edu| compute(edu, n));
        let found = std::cell::Cell::new(None);
        until("the factorial is computed", || {
            found.set(interrupt.synchronize(&result));
            found.get().is_some()
        })
        .map_err(Failure::Run)?;
        let right: u32 = (1..=n).product();
        ensure(found.get() == Some(right), || format!("{n}! is {right}, and not {:?}", found.get()))?;
    }
    interrupt.disable().map_err(Failure::of_the_run)?;
    Ok(REQUESTS)
}
