use interrupt_lock::simulated::Edu;
use interrupt_lock::{Claim, Interrupt, Registers};

pub fn main() {
    let registers = Edu::new().registers();
    let registers = std::rc::Rc::new(registers);
    let interrupt = Interrupt::builder(0)
        .isr(move |status| {
            **status = registers.read32(0x24);
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
}
