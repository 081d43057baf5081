//! The command line.

use std::path::PathBuf;

use crate::Failure;

pub const USAGE: &str = "\
usage: irqtop [--connect PATH | --publish PATH] [--seconds N]
  --connect PATH   show the driver that publishes on this Unix socket; otherwise a simulated machine
  --publish PATH   let the simulated machine publish on this Unix socket, to try --connect
  --seconds N      end after N seconds; otherwise at 'q' or ctrl-c";

pub struct Arguments {
    pub seconds: Option<u32>,
    pub target: Target,
}

/// What is shown.
pub enum Target {
    /// A simulated machine, which may publish on a socket.
    Machine { publish: Option<PathBuf> },
    /// The driver that publishes on this socket.
    Driver(PathBuf),
}

impl Arguments {
    /// `None` asks for the usage.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let (mut seconds, mut connect, mut publish) = (None, None, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--seconds" => {
                    let n = words.next().ok_or_else(|| Failure::usage("--seconds needs a number after it".into()))?;
                    let number = n.parse().ok().filter(|n| *n > 0);
                    let wrong = || Failure::usage(format!("--seconds: '{n}' is not a number of seconds"));
                    seconds = Some(number.ok_or_else(wrong)?);
                }
                "--connect" | "--publish" => {
                    let path = words.next().ok_or_else(|| Failure::usage(format!("{word} needs a path after it")))?;
                    *if word == "--connect" { &mut connect } else { &mut publish } = Some(path.into());
                }
                other => {
                    return Err(Failure::usage(format!("'{other}' is no argument of this program; try --help")));
                }
            }
        }
        let target = match (connect, publish) {
            (Some(_), Some(_)) => return Err(Failure::usage("--connect and --publish exclude one another".into())),
            (Some(path), None) => Target::Driver(path),
            (None, publish) => Target::Machine { publish },
        };
        Ok(Some(Self { seconds, target }))
    }
}
