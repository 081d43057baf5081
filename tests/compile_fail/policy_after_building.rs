use interrupt_lock::{Affinity, Claim, Interrupt, Policy};

pub fn main() {
    let policy = Policy::new().with_affinity(Affinity::All);
    let builder = Interrupt::builder(0).isr(|_| Claim::Claimed);
    let interrupt = builder.build().unwrap();
    interrupt.policy(policy);
    interrupt.enable().unwrap();
}
