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

pub fn main() {
    let callbacks: Plain<u32, Board> = &CALLBACKS;
    let guard = {
        let counter = InterruptObject::new(0, callbacks);
        *counter.acquire_interrupt_lock()
    };
    assert_eq!(guard, 0);
}
