//! `safe-mmio`.

// guide: safe-mmio
use interrupt_lock::linux::MappedRegisters;
use interrupt_lock::source::Source;
use interrupt_lock::{Claim, Error, Interrupt};
use safe_mmio::fields::{ReadPure, ReadPureWrite, WriteOnly};
use safe_mmio::{UniqueMmioPointer, field};

#[repr(C)]
struct Block {
    identification: ReadPure<u32>, // 0x00
    liveness: ReadPureWrite<u32>,  // 0x04
    factorial: ReadPureWrite<u32>, // 0x08: write n, read n!
    _unused: [u32; 5],
    control: ReadPureWrite<u32>,     // 0x20
    interrupt_status: ReadPure<u32>, // 0x24
    _unused_too: [u32; 14],
    raise: WriteOnly<u32>,       // 0x60
    acknowledge: WriteOnly<u32>, // 0x64
}

const RAISE_WHEN_DONE: u32 = 0x80;

/// The interrupt data. Nobody else has the registers, so `&mut Edu` is the only way to them.
pub struct Edu {
    registers: MappedRegisters,
    pub result: Option<u32>,
}

impl Edu {
    fn block(&mut self) -> UniqueMmioPointer<'_, Block> {
        // SAFETY: `pointer` checks that the block is mapped. The result borrows `self`, so it does not outlive the handle, and
        // there is only one at a time. The fields may be read and written as they say.
        unsafe { UniqueMmioPointer::new(self.registers.pointer(0)) }
    }

    pub fn compute(&mut self, n: u32) {
        let mut block = self.block();
        field!(block, factorial).write(n);
    }
}

pub fn driver(registers: MappedRegisters, source: impl Source + 'static) -> Result<Interrupt<Edu>, Error> {
    Interrupt::builder(Edu { registers, result: None })
        .isr(|edu| {
            let mut block = edu.block();
            let status = field!(block, interrupt_status).read();
            match status {
                0 => return Claim::Unclaimed,
                u32::MAX => return Claim::DeviceGone,
                _ => field!(block, acknowledge).write(status),
            }
            let result = field!(block, factorial).read();
            edu.result = Some(result);
            Claim::Claimed
        })
        .on_enable(|edu| {
            let mut block = edu.block();
            field!(block, control).write(RAISE_WHEN_DONE);
        })
        .on_disable(|edu| {
            let mut block = edu.block();
            field!(block, control).write(0);
        })
        .work_item(|_| {})
        .source(source)
        .build()
}
// guide: end

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use interrupt_lock::test_kit::progress;
    use interrupt_lock::{ErrorKind, simulated};

    use super::*;
    use crate::redirected::redirect;

    // Caught: a register at another offset, such as after a gap of another length.
    #[test]
    fn over_a_mapped_device() {
        crate::drives_a_mapped_device(driver, |edu| edu.compute(5), |edu| edu.result);
        assert_eq!(offset_of!(Block, raise), 0x60);
    }

    // Caught: accesses that are not redirected.
    #[test]
    fn over_a_simulated_device() {
        let device = simulated::Edu::new();
        let (registers, redirected) = redirect(device.registers());
        let interrupt = driver(registers, device.line().unwrap()).unwrap();
        interrupt.enable().unwrap();
        interrupt.synchronize(|edu| edu.compute(5));
        assert!(progress::comes(|| interrupt.synchronize(|edu| edu.result) == Some(120)));
        device.perform(simulated::Step::Remove(interrupt_lock::source::Removal::Surprise));
        assert!(progress::comes(|| matches!(
            interrupt.check().map_err(|error| error.kind().clone()),
            Err(ErrorKind::Removed)
        )));
        drop(interrupt);
        drop(redirected);
    }
}
