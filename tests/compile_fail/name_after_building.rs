use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let builder = Interrupt::builder(0).isr(|_| Claim::Claimed);
    let interrupt = builder.build().unwrap();
    interrupt.name("edu0");
    interrupt.enable().unwrap();
}
