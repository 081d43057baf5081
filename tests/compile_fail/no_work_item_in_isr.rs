use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let interrupt = Interrupt::builder(0)
        .isr(|cx| {
            cx.queue_work_item();
            Claim::Claimed
        })
        .build()
        .unwrap();
    interrupt.enable().unwrap();
}
