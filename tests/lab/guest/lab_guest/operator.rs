//! What an operator, or a processor that is offline, leaves of a policy on a real line (rule P1). The scenario restricts the
//! program, and judges what it prints.

use std::fs;

use interrupt_lock::{Affinity, Answer, Claim, Error, Interrupt, NoWorkItem, PolicyAnswer, ProcessorSet};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Slot, VfioMessage};
use interrupt_lock::test_kit::Rig;

pub fn run(device: &Device) -> Result<String, Failure> {
    let Device::Vfio { address, msi: true } = device else { return Err(Failure::usage(crate::USAGE.into())) };
    let (source, _edu) = VfioMessage(Slot::of_address(address)).set_up().map_err(Failure::Device)?;
    let builder = Interrupt::<_, NoWorkItem>::builder(()).isr(|_| Claim::Unclaimed).source(source);
    let interrupt = builder.build().map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    let vector = interrupt.info().vector.ok_or_else(|| Failure::Run("no vector is known".into()))?;
    let places = [("all", Affinity::All), ("1", Affinity::Specified(ProcessorSet::new(0b10)))];
    let told = places.map(|(name, affinity)| {
        let told = told(interrupt.move_to(affinity));
        let line = fs::read_to_string(format!("/proc/irq/{vector}/smp_affinity_list")).unwrap_or_default();
        format!("{name}: {told}; line on {}", line.trim())
    });
    Ok(told.join(" | "))
}

fn told(answer: Result<PolicyAnswer, Error>) -> String {
    match answer.map(|answer| answer.thread) {
        Ok(Answer::Narrowed { why, .. } | Answer::Refused(why)) => why.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}
