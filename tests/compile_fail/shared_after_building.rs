use interrupt_lock::source::Software;
use interrupt_lock::{Claim, Interrupt};

pub fn main() {
    let (source, _line) = Software::level();
    let builder = Interrupt::builder(0).isr(|_| Claim::Claimed).source(source);
    let interrupt = builder.build().unwrap();
    interrupt.shared();
    interrupt.enable().unwrap();
}
