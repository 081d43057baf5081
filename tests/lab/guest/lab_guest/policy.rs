//! What a policy asks of the system, of a real line or vector (rules P1 to P3).

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use interrupt_lock::{Affinity, Answer, Claim, Interrupt, NoWorkItem, Policy, Priority, ProcessorSet};

use crate::account::Failure;
use crate::arguments::Device;
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, until};
use interrupt_lock::test_kit::{Device as _, Rig};

/// The guest has two.
pub const PROCESSORS: [u32; 2] = [0, 1];
const SERVED: u64 = 200;

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => place(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        Device::Vfio { address, msi: false } => place(&VfioLine(Slot::of_address(address))),
        Device::Vfio { address, msi: true } => place(&VfioMessage(Slot::of_address(address))),
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

fn place<R: Rig<Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let mut said = Vec::new();
    for processor in PROCESSORS {
        let vector = place_on(rig, processor)?;
        said.push(format!("vector {vector} on processor {processor}"));
    }
    Ok(format!("{}: taken, {SERVED} served there each, by a real-time thread", said.join(", ")))
}

/// Returns the vector.
fn place_on<R: Rig<Device = Edu>>(rig: &R, processor: u32) -> Result<u32, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let (edu, elsewhere) = (Arc::new(edu), Arc::new(AtomicU32::new(0)));
    let (theirs, strays) = (edu.clone(), elsewhere.clone());
    let asked = ProcessorSet::new(1 << processor);
    let interrupt = Interrupt::<_, NoWorkItem>::builder(())
        .isr(move |_| {
            let at_home = rustix::thread::sched_getcpu() == processor as usize && is_real_time();
            strays.fetch_add(u32::from(!at_home), SeqCst);
            if theirs.acknowledge() { Claim::Claimed } else { Claim::Unclaimed }
        })
        .policy(Policy::new().with_affinity(Affinity::Specified(asked)).with_priority(Priority::High))
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;

    let answer = interrupt.policy_answer();
    let taken = [&answer.thread, &answer.line, &answer.priority].iter().all(|answer| **answer == Answer::Taken);
    ensure(taken, || format!("processor {processor}: {answer:?}"))?;
    let info = interrupt.info();
    ensure(info.processors == Some(asked.mask()), || format!("processor {processor} was asked for: {info:?}"))?;
    let vector = info.vector.ok_or_else(|| Failure::Run("no vector is known".into()))?;
    let path = format!("/proc/irq/{vector}/smp_affinity_list");
    let system = fs::read_to_string(&path).map_err(|error| Failure::Run(format!("{path}: {error}")))?;
    ensure(system.trim() == processor.to_string(), || format!("{path}: {system}"))?;

    let before = counts(vector)?;
    for n in 1..=SERVED {
        edu.assert();
        until("it is served", || interrupt.stats().claimed >= n).map_err(Failure::Run)?;
    }
    let after = counts(vector)?;
    interrupt.disable().map_err(Failure::of_the_run)?;
    let strays = elsewhere.load(SeqCst);
    ensure(strays == 0, || format!("{strays} ISR runs were not on processor {processor}, or not real-time"))?;
    for (number, (before, after)) in PROCESSORS.into_iter().zip(before.into_iter().zip(after)) {
        // Not as many as were served: VFIO itself signals again where the line is still asserted as it is unmasked.
        let count = after - before;
        ensure((count != 0) == (number == processor), || {
            format!("vector {vector}, asked to processor {processor}: {count} interrupts on processor {number}")
        })?;
    }
    Ok(vector)
}

/// Whether the calling thread is scheduled as one: the 41st field of all.
fn is_real_time() -> bool {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    // Behind the name, which is in brackets, comes the third.
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(38)) == Some("1")
}

/// How often the kernel has counted the vector on each processor.
pub fn counts(vector: u32) -> Result<[u64; 2], Failure> {
    let all = fs::read_to_string("/proc/interrupts").unwrap_or_default();
    let row = all.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{vector}:")));
    let counts: Vec<_> = row.unwrap_or_default().split_whitespace().map_while(|word| word.parse().ok()).collect();
    counts[..].try_into().map_err(|_| Failure::Run(format!("/proc/interrupts has no vector {vector}")))
}
