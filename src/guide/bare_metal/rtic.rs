use core::mem;

use interrupt_lock::single_core::cortex_m::Basepri;
use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
use interrupt_lock::{Claim, WithWorkItem, Work};
use lm3s6965::{Interrupt, NVIC_PRIO_BITS};

/// What BASEPRI has to be, so that it masks the tasks of this priority and of all lower ones.
const fn ceiling(priority: u8) -> u8 {
    ((1 << NVIC_PRIO_BITS) - priority) << (8 - NVIC_PRIO_BITS)
}

struct Samples {
    new: u32,
    filtered: u32,
}

struct Sensor;
static SENSOR: InterruptObject<Sensor> = InterruptObject::new(Samples { new: 0, filtered: 0 }, Sensor);

impl Driver for Sensor {
    type Data = Samples;
    type Machine = Basepri<{ ceiling(3) }>;
    type WorkItem = WithWorkItem;

    fn isr(&self, samples: &mut IsrContext<'_, Self>) -> Claim {
        samples.new += device::measure();
        samples.queue_work_item();
        Claim::Claimed
    }

    fn work_item(&self, sensor: &InterruptObject<Self>) -> Work {
        let new = sensor.synchronize(|samples| mem::take(&mut samples.new));
        let filtered = device::filter(new);
        sensor.synchronize(|samples| samples.filtered += filtered);
        Work::Done
    }

    fn on_queued(&self) {
        rtic::pend(Interrupt::GPIOA);
    }
}

#[rtic::app(device = lm3s6965)]
mod app {
    use super::*;

    #[shared]
    struct Shared {
        batches: u32,
    }

    #[local]
    struct Local {}

    #[init]
    fn init(_: init::Context) -> (Shared, Local) {
        SENSOR.enable().expect("it has no callback that refuses");
        device::start();
        (Shared { batches: 0 }, Local {})
    }

    #[task(binds = SysTick, priority = 3)]
    fn sensor(_: sensor::Context) {
        SENSOR.service();
    }

    #[task(binds = GPIOA, priority = 1, shared = [batches])]
    fn work(mut context: work::Context) {
        while SENSOR.run_work_item() {}
        context.shared.batches.lock(|batches| *batches += 1);
    }

    #[idle(shared = [batches])]
    fn idle(mut context: idle::Context) -> ! {
        loop {
            let (batches, filtered) = context.shared.batches.lock(|batches| {
                let filtered = SENSOR.synchronize(|samples| mem::take(&mut samples.filtered));
                (mem::take(batches), filtered)
            });
            device::show(batches, filtered);
        }
    }
}
