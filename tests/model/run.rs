//! Runs a sequence in both worlds and compares after each step.

use crate::contract;
use crate::driver;
use crate::operations::{INTERRUPTS, Op, Sequence};
use crate::script::Entry;

/// Runs the sequence, and says where the worlds differ.
pub fn run(seed: u64, sequence: &Sequence) -> Result<(), String> {
    crate::watch::begins(seed, sequence);
    let mut model = contract::World::new(&sequence.kinds);
    let real = driver::World::new(&sequence.kinds);
    // Whatever has come before, each interrupt ends.
    let ends = (0..INTERRUPTS).map(Op::Drop);
    for (step, op) in sequence.ops.iter().cloned().chain(ends).enumerate() {
        model.perform(&op);
        let expected = model.take_log();
        let logged = real.step(&op, expected.clone(), model.take_ends_elsewhere());
        compare(step, &expected, &logged)?;
    }
    Ok(())
}

fn compare(step: usize, expected: &[Entry], logged: &[Entry]) -> Result<(), String> {
    let same = expected.iter().zip(logged).take_while(|(expected, logged)| expected == logged).count();
    if same == expected.len() && same == logged.len() {
        return Ok(());
    }
    let before: Vec<_> = expected[same.saturating_sub(12)..same].iter().map(|entry| format!("\n      {}", short(entry))).collect();
    Err(format!(
        "step {step}, after{}\n  the contract: {:?}\n  the crate:    {:?}",
        before.concat(),
        expected.get(same),
        logged.get(same),
    ))
}

fn short(entry: &Entry) -> &str {
    match entry {
        Entry::Begins(what) | Entry::Answer(what, _) => what,
    }
}
