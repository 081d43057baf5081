//! The command line.

use std::fmt;

use crate::failure::Failure;
use crate::queue::ENTRIES;

pub const USAGE: &str = "\
usage: nvme --vfio ADDRESS --overwrite [--blocks N] [--depth N] [--locks separate|shared] [--line]
  --vfio ADDRESS   the NVMe controller, bound to vfio-pci: 0000:00:07.0
  --overwrite      yes, write to its first namespace: what is there is lost
  --blocks N       how many blocks of 4 KiB to write and to read back (default: 1024)
  --depth N        how many commands each pair of queues has under way, 1 to 63 (default: 32)
  --locks KIND     an interrupt lock for each vector (separate, the default), or one for all (shared)
  --line           not by message vectors but by the controller's line, which stays masked while there is work";

const NEEDS: &str = "\
it needs an NVMe controller whose contents may be lost, bound to vfio-pci behind an IOMMU:
  echo vfio-pci > /sys/bus/pci/devices/ADDRESS/driver_override
  echo ADDRESS > /sys/bus/pci/devices/ADDRESS/driver/unbind   # if a driver has it
  echo ADDRESS > /sys/bus/pci/drivers_probe
then: nvme --vfio ADDRESS --overwrite. Without one, tests/lab/run boots a machine that has one.";

/// How the interrupts are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    Separate,
    Shared,
}

pub struct Arguments {
    pub address: String,
    pub blocks: u64,
    pub depth: u16,
    pub locks: Locks,
    pub line: bool,
}

impl Arguments {
    /// `None` asks for the usage.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let (mut address, mut overwrite, mut blocks, mut depth, mut locks) = (None, false, 1024, 32, Locks::Separate);
        let mut line = false;
        while let Some(word) = words.next() {
            let mut value = |what: &str| {
                let given = words.next().filter(|given| !given.is_empty());
                given.ok_or_else(|| Failure::usage(format!("{word} needs {what} after it")))
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--vfio" => address = Some(value("a PCI address")?),
                "--overwrite" => overwrite = true,
                "--line" => line = true,
                "--blocks" => blocks = number(&word, &value("a number")?, 1, u32::MAX.into())?,
                "--depth" => {
                    let n = number(&word, &value("a number")?, 1, u64::from(ENTRIES - 1))?;
                    depth = n.try_into().unwrap_or(ENTRIES - 1);
                }
                "--locks" => {
                    locks = match value("'separate' or 'shared'")?.as_str() {
                        "separate" => Locks::Separate,
                        "shared" => Locks::Shared,
                        other => {
                            return Err(Failure::usage(format!("--locks: '{other}' is neither separate nor shared")));
                        }
                    }
                }
                other => return Err(Failure::usage(format!("'{other}' is no argument of this program; try --help"))),
            }
        }
        let address = address.ok_or_else(|| Failure::usage(NEEDS.into()))?;
        if !overwrite {
            return Err(Failure::usage(format!("what is on {address} would be lost: say --overwrite if it may be")));
        }
        Ok(Some(Self { address, blocks, depth, locks, line }))
    }
}

fn number(option: &str, given: &str, least: u64, most: u64) -> Result<u64, Failure> {
    let n = given.parse().ok().filter(|n| (least..=most).contains(n));
    n.ok_or_else(|| Failure::usage(format!("{option}: '{given}' is not a number from {least} to {most}")))
}

impl fmt::Display for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Separate => "a lock for each vector",
            Self::Shared => "one lock for all vectors",
        })
    }
}
