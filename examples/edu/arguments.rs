//! The command line.

use std::fmt;

use crate::account::Failure;

pub const USAGE: &str = "\
usage: edu [--requests N] [--uio DEVICE | --vfio ADDRESS [--msi]]
  --requests N     how many factorials to ask for (default: 10000)
  --uio DEVICE     on the device of a UIO driver: /dev/uio0
  --vfio ADDRESS   on a PCI device that is bound to vfio-pci: 0000:00:04.0
  --msi            with message-signaled interrupts instead of the line
Without --uio and --vfio: on a simulated device.";

#[derive(Debug, PartialEq, Eq)]
pub enum Device {
    Simulated,
    Uio(String),
    Vfio { address: String, msi: bool },
}

pub struct Arguments {
    pub device: Device,
    pub requests: u32,
}

impl Arguments {
    /// `None` asks for the usage.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let (mut requests, mut uio, mut vfio, mut msi) = (10_000, None, None, false);
        while let Some(word) = words.next() {
            let mut value = |what: &str| {
                let given = words.next().filter(|given| !given.is_empty());
                given.ok_or_else(|| Failure::usage(format!("{word} needs {what} after it")))
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--requests" => {
                    let n = value("a number")?;
                    requests = n
                        .parse()
                        .ok()
                        .filter(|n| *n > 0)
                        .ok_or_else(|| Failure::usage(format!("--requests: '{n}' is not a number of requests")))?;
                }
                "--uio" => uio = Some(value("a device")?),
                "--vfio" => vfio = Some(value("a PCI address")?),
                "--msi" => msi = true,
                other => {
                    return Err(Failure::usage(format!("'{other}' is no argument of this program; try --help")));
                }
            }
        }
        let device = match (uio, vfio, msi) {
            (None, None, false) => Device::Simulated,
            (Some(path), None, false) => Device::Uio(path),
            (None, Some(address), msi) => Device::Vfio { address, msi },
            (Some(_), Some(_), _) => return Err(Failure::usage("--uio and --vfio exclude each other".into())),
            (_, None, true) => return Err(Failure::usage("--msi goes with --vfio".into())),
        };
        Ok(Some(Self { device, requests }))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated => write!(f, "a simulated edu (its line)"),
            Self::Uio(path) => write!(f, "edu at {path} (UIO, its line)"),
            Self::Vfio { address, msi: false } => write!(f, "edu at {address} (VFIO, its line)"),
            Self::Vfio { address, msi: true } => write!(f, "edu at {address} (VFIO, MSI)"),
        }
    }
}
