//! The power, and the interrupts of the rings, go off and on while frames are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use interrupt_lock::{Device, Error, InterruptObject, Transition, WithWorkItem};

use crate::failure::Failure;
use crate::loopback;
use crate::nic::Nic;
use crate::ring::Ring;

type Object = Arc<InterruptObject<Ring, WithWorkItem>>;

pub fn run(nic: &Nic, frames: u32, cycles: u32) -> Result<String, Failure> {
    let received = &AtomicU32::new(0);
    let rings = [&nic.receive, &nic.transmit].map(|ring| ring.object().clone());
    let device = &*nic.power;
    thread::scope(|scope| {
        let cycling = scope.spawn(move || {
            (1..=cycles).try_for_each(|n| {
                while received.load(Relaxed) < frames / (cycles + 1) * n {
                    thread::sleep(Duration::from_millis(1));
                }
                if n % 2 == 1 { power(device) } else { interrupts(&rings) }
            })
        });
        let exchanged = loopback::run(nic, frames, |count| received.store(count, Relaxed));
        received.store(frames, Relaxed); // so that the other thread ends
        exchanged.and(cycling.join().expect("it does not panic").map_err(Failure::of_the_run))
    })?;
    Ok(format!("loopback  {frames} frames, all contents right; off and on {cycles} times"))
}

fn power(device: &Device) -> Result<(), Error> {
    assert_eq!(device.exit_d0()?, Transition::Done);
    assert_eq!(device.enter_d0()?, Transition::Done);
    Ok(())
}

fn interrupts([receive, transmit]: &[Object; 2]) -> Result<(), Error> {
    assert_eq!([transmit.disable()?, receive.disable()?], [Transition::Done; 2]);
    assert_eq!([receive.enable()?, transmit.enable()?], [Transition::Done; 2]);
    Ok(())
}
