//! The interrupt of most tests.

use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};

#[derive(Debug, Default)]
pub struct Uart {
    pub received: u32,
    pub enables: u32,
    pub disables: u32,
    pub processed: u32,
}

fn isr(uart: &mut IsrContext<'_, Uart, WithWorkItem>) -> Claim {
    uart.received += uart.assertions() as u32;
    uart.queue_work_item();
    Claim::Claimed
}

fn work(uart: &WorkItemContext<'_, Uart>) -> Work {
    uart.synchronize(|uart| uart.processed = uart.received);
    Work::Done
}

pub type Object = InterruptObject<Uart, WithWorkItem>;

pub const fn uart() -> Object {
    InterruptObject::with_work_item(
        Name::new("uart0"),
        Uart { received: 0, enables: 0, disables: 0, processed: 0 },
        isr,
        work,
    )
    .on_enable(|uart| {
        uart.enables += 1;
        Ok(())
    })
    .on_disable(|uart| {
        uart.disables += 1;
        Ok(())
    })
}
