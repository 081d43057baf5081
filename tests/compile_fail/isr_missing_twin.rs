use interrupt_lock::Interrupt;

pub fn main() {
    let builder = Interrupt::builder(0).isr(|_| interrupt_lock::Claim::Claimed);
    let interrupt = builder.build().unwrap();
    interrupt.enable().unwrap();
}
