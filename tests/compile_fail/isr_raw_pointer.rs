use interrupt_lock::simulated::Edu;
use interrupt_lock::{Claim, Interrupt, Registers};

pub fn main() {
    let registers = Edu::new().registers();
    let registers = &raw const registers;
    let interrupt = Interrupt::builder(0)
        .isr(move |status| {
            **status = unsafe { (*registers).read32(0x24) };
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
}
