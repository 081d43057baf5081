use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext, Machine};
use interrupt_lock::{Claim, NoWorkItem};

struct Board;

// SAFETY: one thread runs this.
unsafe impl Machine for Board {
    type Found = ();
    fn mask() {}
    fn restore((): ()) {}
}

struct Counter;

impl Driver for Counter {
    type Data = u32;
    type Machine = Board;
    type WorkItem = NoWorkItem;
    fn isr(&self, context: &mut IsrContext<'_, Self>) -> Claim {
        let (keep, _kept): (std::sync::mpsc::Sender<u32>, _) = std::sync::mpsc::channel();
        keep.send(**context).unwrap();
        Claim::Claimed
    }
}

static COUNTER: InterruptObject<Counter> = InterruptObject::new(0, Counter);

pub fn main() {
    COUNTER.enable().unwrap();
}
