use interrupt_lock::Interrupt;

pub fn main() {
    let builder = Interrupt::builder(0);
    let interrupt = builder.build().unwrap();
    interrupt.enable().unwrap();
}
