//! A device's callback lock (W5).

use alloc::sync::Arc;

use loom::thread;

use crate::models::{Probe, bounded};
use crate::{Claim, Device, Interrupt};

/// A work item that runs under the callback lock and a section of the device never overlap.
// Caught: work-item-not-serialized.
#[test]
fn a_serialized_work_item_excludes_sections() {
    bounded(|| {
        let probe = Probe::new();
        let device = Device::builder("device").build();
        let interrupt = Arc::new(
            Interrupt::builder(())
                .isr(|_| Claim::Claimed)
                .work_item({
                    let probe = probe.clone();
                    move |_| _ = probe.touch()
                })
                .device(&device)
                .automatic_serialization()
                .build()
                .unwrap(),
        );
        interrupt.enable().unwrap();
        interrupt.queue_work_item();
        let worker = thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.run_work_item()
        });
        device.synchronize(|| probe.touch());
        worker.join().unwrap();
        assert_eq!(probe.touch(), 2);
    });
}
