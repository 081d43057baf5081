use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(vec![1]).isr(|_| Claim::Claimed).build().unwrap();
    let mut data = interrupt.acquire_interrupt_lock();
    let first = &mut data[0];
    *first = 2;
    drop(data);
}
