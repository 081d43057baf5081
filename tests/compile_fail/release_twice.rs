use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    let mut count = interrupt.acquire_interrupt_lock();
    *count += 1;
    drop(count);
    drop(count);
}
