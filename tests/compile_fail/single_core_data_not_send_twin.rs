use interrupt_lock::single_core::{Functions, InterruptObject, Machine, Plain};
use interrupt_lock::Claim;

struct Board;

// SAFETY: one thread runs this.
unsafe impl Machine for Board {
    type Found = ();
    fn mask() {}
    fn restore((): ()) {}
}

static CALLBACKS: Functions<std::sync::Arc<u32>, Board> = Functions::new(|_| Claim::Claimed);

pub fn main() {
    let counter: InterruptObject<Plain<_, Board>> = InterruptObject::new(std::sync::Arc::new(0), &CALLBACKS);
    counter.enable().unwrap();
}
