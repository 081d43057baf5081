//! `tock-registers`, over mapped registers.

// guide: tock-registers
use interrupt_lock::linux::MappedRegisters;
use interrupt_lock::source::Source;
use interrupt_lock::{Claim, Error, Interrupt};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {u32,
    Control [
        COMPUTING OFFSET(0) NUMBITS(1) [],
        RAISE_WHEN_DONE OFFSET(7) NUMBITS(1) []
    ]
}

register_structs! {
    Block {
        (0x00 => identification: ReadOnly<u32>),
        (0x04 => liveness: ReadWrite<u32>),
        (0x08 => factorial: ReadWrite<u32>),
        (0x0c => _unused),
        (0x20 => control: ReadWrite<u32, Control::Register>),
        (0x24 => interrupt_status: ReadOnly<u32>),
        (0x28 => _unused_too),
        (0x60 => raise: WriteOnly<u32>),
        (0x64 => acknowledge: WriteOnly<u32>),
        (0x68 => @END),
    }
}

/// The interrupt data.
pub struct Edu {
    registers: MappedRegisters,
    pub result: Option<u32>,
}

impl Edu {
    fn block(&self) -> &Block {
        // SAFETY: `pointer` checks that the block is mapped. The result borrows `self`, so it does not outlive the handle. The
        // types of the fields have interior mutability, and make volatile accesses.
        unsafe { self.registers.pointer(0).as_ref() }
    }

    pub fn compute(&mut self, n: u32) {
        self.block().factorial.set(n);
    }
}

pub fn driver(registers: MappedRegisters, source: impl Source + 'static) -> Result<Interrupt<Edu>, Error> {
    Interrupt::builder(Edu { registers, result: None })
        .isr(|edu| {
            let block = edu.block();
            match block.interrupt_status.get() {
                0 => return Claim::Unclaimed,
                u32::MAX => return Claim::DeviceGone,
                status => block.acknowledge.set(status),
            }
            let result = block.factorial.get();
            edu.result = Some(result);
            Claim::Claimed
        })
        .on_enable(|edu| edu.block().control.write(Control::RAISE_WHEN_DONE::SET))
        .on_disable(|edu| edu.block().control.set(0))
        .work_item(|_| {})
        .source(source)
        .build()
}
// guide: end

#[cfg(test)]
mod tests {

    use super::*;

    // Caught: as with `safe-mmio`.
    #[test]
    fn over_a_mapped_device() {
        crate::drives_a_mapped_device(driver, |edu| edu.compute(5), |edu| edu.result);
    }
}
