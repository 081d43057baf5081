//! A real device is reset by VFIO, between a quiesced interrupt and one that is enabled again.

use std::cell::Cell;
use std::sync::Arc;

use interrupt_lock::{
    Claim, Device as CoreDevice, ErrorKind, Interrupt, NoWorkItem, State, Transition, linux::vfio, source::Source,
};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Line, Slot, ensure, until};
use interrupt_lock::test_kit::Device as _;

/// How many interrupts are served before and after.
const SERVED: u64 = 100;
const COMMAND: u64 = 4;

pub fn run(device: &Device) -> Result<String, Failure> {
    let Device::Vfio { address, msi } = device else {
        return Err(Failure::usage("reset goes with --vfio".into()));
    };
    let (vfio, edu) = Slot::of_address(address).vfio().map_err(Failure::Device)?;
    if *msi {
        let source = vfio.msi(1).and_then(|vectors| vectors.vector(0)).map_err(Failure::of_the_device)?;
        reset(&vfio, edu, source, false)
    } else {
        let source = vfio.intx().map_err(Failure::of_the_device)?;
        reset(&vfio, edu, source, true)
    }
}

fn reset(vfio: &vfio::PciDevice, edu: Edu, source: impl Source + 'static, is_line: bool) -> Result<String, Failure> {
    let edu = Arc::new(edu);
    let isr = edu.clone();
    let device = CoreDevice::builder("edu").build();
    let interrupt = Interrupt::builder(())
        .isr(move |_| if isr.acknowledge() { Claim::Claimed } else { Claim::Unclaimed })
        .device(&device)
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    device.enter_d0().map_err(Failure::of_the_run)?;
    serve(&interrupt, &edu)?;
    let command = vfio.config_read::<2>(COMMAND);
    let (before, after) = (Cell::new(None), Cell::new(None));
    let reset = device.reset(|| {
        if is_line {
            edu.assert();
        }
        before.set(edu.line().ok());
        let done = vfio.reset();
        after.set(edu.line().ok());
        done
    });
    match reset {
        Ok(()) => {
            if is_line {
                ensure(before.take() == Some(Line { masked: true, pending: true }), || "it is not quiesced".into())?;
                // This device's own registers survive a reset, but its line falls.
                let line = after.take();
                ensure(line.is_some_and(|line| !line.pending), || format!("after the reset: {line:?}"))?;
            }
            ensure(interrupt.state() == State::Enabled, || format!("after the reset: {:?}", interrupt.state()))?;
            let now = vfio.config_read::<2>(COMMAND);
            ensure(now.is_ok() && now == command, || format!("the command register was {command:?} and is {now:?}"))?;
            edu.acknowledge(); // what its registers still have of the time before
            serve(&interrupt, &edu)?;
            Ok(format!("reset; {SERVED} claimed before and after"))
        }
        Err(error) if matches!(error.kind(), ErrorKind::DeviceCallback { .. }) => {
            ensure(interrupt.state() == State::Disabled, || format!("after {error:#}: {:?}", interrupt.state()))?;
            let entered = device.enter_d0().map_err(Failure::of_the_run)?;
            ensure(entered == Transition::Done, || "after a reset that failed it was still in D0".into())?;
            let claimed = || interrupt.stats().claimed;
            until("what it asserted meanwhile is served", || claimed() > SERVED || !is_line).map_err(Failure::Run)?;
            serve(&interrupt, &edu)?;
            Ok(format!("{error:#}; {SERVED} claimed before and after the next D0 entry"))
        }
        Err(error) => Err(Failure::of_the_run(error)),
    }
}

fn serve(interrupt: &Interrupt<(), NoWorkItem>, edu: &Edu) -> Result<(), Failure> {
    for _ in 0..SERVED {
        let before = interrupt.stats().claimed;
        edu.assert();
        until("it is served", || interrupt.stats().claimed > before).map_err(Failure::Run)?;
    }
    Ok(())
}
