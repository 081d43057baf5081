//! Runs a sequence in both worlds and compares after each step.

use std::collections::BTreeMap;
use std::fmt;

use crate::contract;
use crate::driver;
use crate::operations::{INTERRUPTS, Op, Sequence};
use crate::script::Entry;

/// How often what happened.
#[derive(Default)]
pub struct Tally(BTreeMap<String, u64>);

/// Runs the sequence, and says where the worlds differ.
pub fn run(seed: u64, sequence: &Sequence, tally: &mut Tally) -> Result<(), String> {
    crate::watch::begins(seed, sequence);
    let mut model = contract::World::new(&sequence.kinds);
    let real = driver::World::new(&sequence.kinds);
    // Whatever has come before, each interrupt ends.
    let ends = (0..INTERRUPTS).map(Op::Drop);
    for (step, op) in sequence.ops.iter().cloned().chain(ends).enumerate() {
        model.perform(&op);
        let expected = model.take_log();
        expected.iter().for_each(|entry| tally.count(entry));
        let logged = real.step(&op, expected.clone(), model.take_ends_elsewhere());
        compare(step, &expected, &logged)?;
    }
    Ok(())
}

impl Tally {
    fn count(&mut self, entry: &Entry) {
        match entry {
            Entry::Begins(what, elsewhere) => {
                // Without the numbers.
                let words = what.split([' ', '(', ',']).filter(|word| !word.starts_with('i') || word.len() != 2);
                self.one(words.take(1).collect());
                if *elsewhere {
                    self.one("elsewhere".into());
                }
            }
            Entry::Answer(answer, glances) => {
                self.one(answer.clone());
                glances.iter().for_each(|glance| self.one(glance.state.into()));
            }
        }
    }

    fn one(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Returns which of these have never happened.
    pub fn missing<'a>(&self, of: &[&'a str]) -> Vec<&'a str> {
        of.iter().copied().filter(|&what| !self.0.contains_key(what)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:>10} {what}"))
    }
}

fn compare(step: usize, expected: &[Entry], logged: &[Entry]) -> Result<(), String> {
    let same = expected.iter().zip(logged).take_while(|(expected, logged)| expected == logged).count();
    if same == expected.len() && same == logged.len() {
        return Ok(());
    }
    let before: Vec<_> =
        expected[same.saturating_sub(12)..same].iter().map(|entry| format!("\n      {}", short(entry))).collect();
    Err(format!(
        "step {step}, after{}\n  the contract: {:?}\n  the crate:    {:?}",
        before.concat(),
        expected.get(same),
        logged.get(same),
    ))
}

fn short(entry: &Entry) -> &str {
    match entry {
        Entry::Begins(what, _) | Entry::Answer(what, _) => what,
    }
}
