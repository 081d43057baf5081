//! The command line.

pub const USAGE: &str = "\
usage: irqtop [--seconds N]
  --seconds N   end after N seconds; otherwise at 'q' or ctrl-c";

pub struct Arguments {
    pub seconds: Option<u32>,
}

impl Arguments {
    /// `None` asks for the usage; an error is one sentence.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut seconds = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--seconds" => {
                    let n = words.next().ok_or("--seconds needs a number after it")?;
                    let number = n.parse().ok().filter(|n| *n > 0);
                    seconds = Some(number.ok_or_else(|| format!("--seconds: '{n}' is not a number of seconds"))?);
                }
                other => return Err(format!("'{other}' is no argument of this program; try --help")),
            }
        }
        Ok(Some(Self { seconds }))
    }
}
