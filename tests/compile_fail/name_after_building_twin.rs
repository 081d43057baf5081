use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let builder = Interrupt::builder(0).isr(|_| Claim::Claimed);
    let builder = builder.name("edu0");
    let interrupt = builder.build().unwrap();
    interrupt.enable().unwrap();
}
