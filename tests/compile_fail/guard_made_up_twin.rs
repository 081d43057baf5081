use interrupt_lock::{Claim, Interrupt, InterruptLockGuard};

pub fn main() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    let guard: InterruptLockGuard<'_, u32> = interrupt.acquire_interrupt_lock();
    drop(guard);
}
