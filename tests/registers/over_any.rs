//! The fields of `tock-registers`, over any registers.

// guide: over any registers
use std::marker::PhantomData;

use interrupt_lock::source::Source;
use interrupt_lock::{Claim, Error, Interrupt, Registers};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::{RegisterLongName, register_bitfields};

register_bitfields! {u32,
    pub Control [
        COMPUTING OFFSET(0) NUMBITS(1) [],
        RAISE_WHEN_DONE OFFSET(7) NUMBITS(1) []
    ]
}

/// A 32-bit register of a block: mapped or simulated.
pub struct Register<'a, R, L = ()>(&'a R, usize, PhantomData<L>);

impl<R: Registers, L: RegisterLongName> Readable for Register<'_, R, L> {
    type T = u32;
    type R = L;

    fn get(&self) -> u32 {
        self.0.read32(self.1)
    }
}

impl<R: Registers, L: RegisterLongName> Writeable for Register<'_, R, L> {
    type T = u32;
    type R = L;

    fn set(&self, value: u32) {
        self.0.write32(self.1, value);
    }
}

/// The interrupt data.
pub struct Edu<R> {
    registers: R,
    pub result: Option<u32>,
}

impl<R: Registers> Edu<R> {
    pub fn compute(&mut self, n: u32) {
        self.factorial().set(n);
    }

    fn factorial(&self) -> Register<'_, R> {
        Register(&self.registers, 0x08, PhantomData)
    }

    fn control(&self) -> Register<'_, R, Control::Register> {
        Register(&self.registers, 0x20, PhantomData)
    }

    fn interrupt_status(&self) -> Register<'_, R> {
        Register(&self.registers, 0x24, PhantomData)
    }

    fn acknowledge(&self) -> Register<'_, R> {
        Register(&self.registers, 0x64, PhantomData)
    }
}

pub fn driver<R: Registers + 'static>(registers: R, source: impl Source + 'static) -> Result<Interrupt<Edu<R>>, Error> {
    Interrupt::builder(Edu { registers, result: None })
        .isr(|edu| {
            match edu.interrupt_status().get() {
                0 => return Claim::Unclaimed,
                u32::MAX => return Claim::DeviceGone,
                status => edu.acknowledge().set(status),
            }
            let result = edu.factorial().get();
            edu.result = Some(result);
            Claim::Claimed
        })
        .on_enable(|edu| edu.control().write(Control::RAISE_WHEN_DONE::SET))
        .on_disable(|edu| edu.control().set(0))
        .work_item(|_| {})
        .source(source)
        .build()
}
// guide: end

#[cfg(test)]
mod tests {
    use interrupt_lock::test_kit::progress;
    use interrupt_lock::{ErrorKind, simulated, source::Removal};

    use super::*;

    // Caught: as with `safe-mmio`.
    #[test]
    fn over_a_mapped_device() {
        crate::drives_a_mapped_device(driver, |edu| edu.compute(5), |edu| edu.result);
    }

    // Caught: a register at another offset.
    #[test]
    fn over_a_simulated_device() {
        let device = simulated::Edu::new();
        let interrupt = driver(device.registers(), device.line().unwrap()).unwrap();
        interrupt.enable().unwrap();
        interrupt.synchronize(|edu| edu.compute(5));
        assert!(progress::comes(|| interrupt.synchronize(|edu| edu.result) == Some(120)));
        assert!(interrupt.synchronize(|edu| edu.control().is_set(Control::RAISE_WHEN_DONE)));
        device.perform(simulated::Step::Remove(Removal::Surprise));
        assert!(progress::comes(|| matches!(
            interrupt.check().map_err(|error| error.kind().clone()),
            Err(ErrorKind::Removed)
        )));
    }
}
