//! The command line.

use crate::Failure;

pub const USAGE: &str = "\
usage: irqtop [--seconds N]
  --seconds N   end after N seconds; otherwise at 'q' or ctrl-c";

pub struct Arguments {
    pub seconds: Option<u32>,
}

impl Arguments {
    /// `None` asks for the usage.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let mut seconds = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--seconds" => {
                    let n = words.next().ok_or_else(|| Failure::usage("--seconds needs a number after it".into()))?;
                    let number = n.parse().ok().filter(|n| *n > 0);
                    let wrong = || Failure::usage(format!("--seconds: '{n}' is not a number of seconds"));
                    seconds = Some(number.ok_or_else(wrong)?);
                }
                other => {
                    return Err(Failure::usage(format!("'{other}' is no argument of this program; try --help")));
                }
            }
        }
        Ok(Some(Self { seconds }))
    }
}
