//! An enabled interrupt is moved from one processor to the other and back, while its device asserts it (rule P5).

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use interrupt_lock::{Affinity, Answer, Claim, Interrupt, NoWorkItem, ProcessorSet};

use crate::account::Failure;
use crate::arguments::Device;
use crate::policy::{PROCESSORS, counts};
use crate::rig::{Edu, Slot, UioLine, VfioLine, VfioMessage, ensure, under_assertions};
use interrupt_lock::test_kit::{Device as _, Rig};

const MOVES: u64 = 60;
/// How many are served after a move before its effect is looked at. A line may be on its way: where the interrupt controller
/// can't be changed in between, the kernel changes it at the next interrupt.
const UNDER_WAY: u64 = 5;
/// How many are served then.
const SERVED: u64 = 40;

pub fn run(device: &Device) -> Result<String, Failure> {
    match device {
        Device::Uio(path) => move_about(&UioLine(Slot::of_uio(path).map_err(Failure::Device)?)),
        Device::Vfio { address, msi: false } => move_about(&VfioLine(Slot::of_address(address))),
        Device::Vfio { address, msi: true } => move_about(&VfioMessage(Slot::of_address(address))),
        Device::Simulated => Err(Failure::usage(crate::USAGE.into())),
    }
}

/// Caught: a move that leaves the line where it is; one that leaves the thread there; one that disables and enables.
fn move_about<R: Rig<Device = Edu>>(rig: &R) -> Result<String, Failure> {
    let (source, edu) = rig.set_up().map_err(Failure::Device)?;
    let edu = Arc::new(edu);
    let theirs = edu.clone();
    let on = Arc::new([const { AtomicU64::new(0) }; PROCESSORS.len()]);
    let runs = on.clone();
    let again = Arc::new(AtomicU64::new(0));
    let enables = again.clone();
    let interrupt = Interrupt::<_, NoWorkItem>::builder(())
        .isr(move |_| {
            runs[rustix::thread::sched_getcpu()].fetch_add(1, SeqCst);
            if theirs.acknowledge() { Claim::Claimed } else { Claim::Unclaimed }
        })
        .on_enable(move |_| _ = enables.fetch_add(1, SeqCst))
        .source(source)
        .build()
        .map_err(Failure::of_the_run)?;
    interrupt.enable().map_err(Failure::of_the_run)?;
    let vector = interrupt.info().vector.ok_or_else(|| Failure::Run("no vector is known".into()))?;
    let before = counts(vector)?;

    let by_vfio = rig.is_level() && !rig.counts();
    let claimed = || interrupt.stats().claimed;
    let asserted = under_assertions(&edu, claimed, |more_are_served| {
        (0..MOVES).try_for_each(|n| {
            let processor = PROCESSORS[(n as usize + 1) % PROCESSORS.len()];
            move_to(&interrupt, vector, processor)?;
            more_are_served(UNDER_WAY)?;
            let since = (counts(vector)?, runs_on(&on));
            more_are_served(SERVED)?;
            let now = (counts(vector)?, runs_on(&on));
            for other in PROCESSORS.into_iter().map(|number| number as usize) {
                let is_asked = other == processor as usize;
                let (interrupts, runs) = (now.0[other] - since.0[other], now.1[other] - since.1[other]);
                // VFIO may have signalled all of them itself, for a line that was asserted as it was unmasked.
                let interrupts_are_right = (interrupts != 0) == is_asked || (is_asked && by_vfio);
                ensure(interrupts_are_right && (runs != 0) == is_asked, || {
                    format!("moved to processor {processor}: {interrupts} interrupts and {runs} runs on {other}")
                })?;
            }
            Ok(())
        })
    })?;
    let (after, stats) = (counts(vector)?, interrupt.stats());
    interrupt.disable().map_err(Failure::of_the_run)?;
    ensure(stats.claimed == asserted, || format!("{asserted} were asserted, and {} claimed", stats.claimed))?;
    ensure(again.load(SeqCst) == 1, || "a move has enabled the interrupt anew".into())?;
    let kernel = [after[0] - before[0], after[1] - before[1]];
    ensure(kernel.iter().all(|&count| count != 0), || format!("the kernel counted {kernel:?} on the two processors"))?;
    Ok(format!("{asserted} served over {MOVES} moves, none lost; the kernel counted {kernel:?} on the two processors"))
}

fn runs_on(on: &[AtomicU64; PROCESSORS.len()]) -> [u64; PROCESSORS.len()] {
    [0, 1].map(|processor: usize| on[processor].load(SeqCst))
}

/// Moves it, and reads back what the system and `info` say.
fn move_to(interrupt: &Interrupt<(), NoWorkItem>, vector: u32, processor: u32) -> Result<(), Failure> {
    let set = ProcessorSet::new(1 << processor);
    let answer = interrupt.move_to(Affinity::Specified(set)).map_err(Failure::of_the_run)?;
    let taken = [&answer.thread, &answer.line].iter().all(|answer| **answer == Answer::Taken);
    ensure(taken, || format!("moved to processor {processor}: {answer:?}"))?;
    ensure(interrupt.info().processors == Some(set.mask()), || format!("{processor}: {:?}", interrupt.info()))?;
    let path = format!("/proc/irq/{vector}/smp_affinity_list");
    let system = fs::read_to_string(&path).map_err(|error| Failure::Run(format!("{path}: {error}")))?;
    ensure(system.trim() == processor.to_string(), || format!("{path}: {system}"))
}
