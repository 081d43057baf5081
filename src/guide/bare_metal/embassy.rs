use core::future::poll_fn;
use core::mem;
use core::task::Poll;

use cortex_m_rt::exception;
use embassy_executor::Spawner;
use embassy_sync::waitqueue::AtomicWaker;
use interrupt_lock::single_core::cortex_m::Primask;
use interrupt_lock::single_core::{Driver, InterruptObject, IsrContext};
use interrupt_lock::{Claim, WithWorkItem, Work};

struct Samples {
    new: u32,
    total: u32,
}

struct Sensor;
static SENSOR: InterruptObject<Sensor> = InterruptObject::new(Samples { new: 0, total: 0 }, Sensor);
static NEW: AtomicWaker = AtomicWaker::new();
static QUEUED: AtomicWaker = AtomicWaker::new();

impl Driver for Sensor {
    type Data = Samples;
    type Machine = Primask;
    type WorkItem = WithWorkItem;

    fn isr(&self, samples: &mut IsrContext<'_, Self>) -> Claim {
        let sample = device::measure();
        samples.new += sample;
        samples.total += sample;
        NEW.wake();
        samples.queue_work_item();
        Claim::Claimed
    }

    fn work_item(&self, sensor: &InterruptObject<Self>) -> Work {
        let total = sensor.synchronize(|samples| samples.total);
        device::store(total);
        Work::Done
    }

    fn on_queued(&self) {
        QUEUED.wake();
    }
}

#[exception]
fn SysTick() {
    SENSOR.service();
}

/// Waits for samples, and takes all that are new.
async fn samples() -> u32 {
    poll_fn(|context| {
        NEW.register(context.waker());
        match SENSOR.synchronize(|samples| mem::take(&mut samples.new)) {
            0 => Poll::Pending,
            new => Poll::Ready(new),
        }
    })
    .await
}

#[embassy_executor::task]
async fn show() {
    loop {
        device::show(samples().await);
    }
}

/// Runs the work item whenever it is queued.
#[embassy_executor::task]
async fn work() {
    poll_fn(|context| -> Poll<()> {
        QUEUED.register(context.waker());
        while SENSOR.run_work_item() {}
        Poll::Pending
    })
    .await
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    spawner.spawn(show().expect("it runs once"));
    spawner.spawn(work().expect("it runs once"));
    SENSOR.enable().expect("it has no callback that refuses");
    device::start();
}
