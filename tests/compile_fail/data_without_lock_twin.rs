use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(vec![1]).isr(|_| Claim::Claimed).build().unwrap();
    interrupt.acquire_interrupt_lock().push(2);
}
