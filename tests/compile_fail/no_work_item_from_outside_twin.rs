use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let builder = Interrupt::builder(0).isr(|_| Claim::Claimed);
    let builder = builder.work_item(|_| ());
    let interrupt = builder.build().unwrap();
    interrupt.queue_work_item();
}
