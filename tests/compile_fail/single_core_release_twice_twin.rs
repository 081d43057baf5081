use interrupt_lock::single_core::{Functions, InterruptObject, Machine, Plain};
use interrupt_lock::Claim;

struct Board;

// SAFETY: one thread runs this.
unsafe impl Machine for Board {
    type Found = ();
    fn mask() {}
    fn restore((): ()) {}
}

static CALLBACKS: Functions<u32, Board> = Functions::new(|_| Claim::Claimed);
static COUNTER: InterruptObject<Plain<u32, Board>> = InterruptObject::new(0, &CALLBACKS);

pub fn main() {
    let count = COUNTER.acquire_interrupt_lock();
    drop(count);
}
