//! The command line.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Failure;

pub const USAGE: &str = "\
usage: soak [--seconds N] [--seed S]
  --seconds N   how long to go on (default: 60)
  --seed S      the seed of the first machine; the next has S + 1 (default: taken from the clock)";

pub struct Arguments {
    pub seconds: u64,
    pub seed: u64,
}

impl Arguments {
    /// `None` asks for the usage.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let (mut seconds, mut seed) = (60, None);
        while let Some(word) = words.next() {
            let mut number = |least: u64, most: u64| {
                let n = words.next().ok_or_else(|| Failure::usage(format!("{word} needs a number after it")))?;
                let number = n.parse().ok().filter(|n| (least..=most).contains(n));
                number.ok_or_else(|| Failure::usage(format!("{word}: '{n}' is not a number from {least} to {most}")))
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--seconds" => seconds = number(1, 1_000_000)?,
                "--seed" => seed = Some(number(0, u64::MAX)?),
                other => {
                    return Err(Failure::usage(format!("'{other}' is no argument of this program; try --help")));
                }
            }
        }
        Ok(Some(Self { seconds, seed: seed.unwrap_or_else(from_the_clock) }))
    }
}

fn from_the_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
