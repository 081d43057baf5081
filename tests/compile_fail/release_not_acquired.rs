use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.release_interrupt_lock();
}
