use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(0).isr(|_| Claim::Claimed).build().unwrap();
    let count = interrupt.acquire_interrupt_lock();
    let count: &i32 = &count;
    std::thread::scope(|threads| {
        threads.spawn(|| assert_eq!(*count, 0));
    });
}
