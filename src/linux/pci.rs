//! What UIO and VFIO devices on PCI share: configuration space, and what sysfs says of their interrupts.

use std::{
    format,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
    vec::Vec,
};

use crate::cause::SourceError;
use crate::info::{Info, Polarity, Share, Trigger};
use crate::system;
use crate::system::{Failure, device_failed};

/// Offsets and bits in the configuration space of every PCI device.
pub(crate) const VENDOR_ID: u64 = 0;
pub(crate) const DEVICE_ID: u64 = 2;
pub(crate) const COMMAND: u64 = 4;
pub(crate) const STATUS: u64 = 6;
pub(crate) const COMMAND_MEMORY: u16 = 1 << 1;
pub(crate) const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_INTX_DISABLE: u16 = 1 << 10;

/// A device's configuration space, which is a part of some file.
///
/// A read waits for the device's answer. So when it returns, earlier writes to the device's registers have arrived. A
/// write has been carried out when it returns.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSpace {
    file: Arc<OwnedFd>,
    start: u64,
}

impl ConfigSpace {
    pub(crate) fn new(file: impl Into<Arc<OwnedFd>>, start: u64) -> Self {
        Self { file: file.into(), start }
    }

    pub(crate) fn read<const N: usize>(&self, offset: u64) -> Result<[u8; N], Failure> {
        system::read_at(self.file.as_fd(), self.start + offset)
    }

    pub(crate) fn write<const N: usize>(&self, offset: u64, bytes: [u8; N]) -> Result<(), Failure> {
        system::write_at(self.file.as_fd(), self.start + offset, bytes)
    }

    pub(crate) fn read16(&self, offset: u64) -> Result<u16, Failure> {
        self.read(offset).map(u16::from_le_bytes)
    }

    /// Keeps the device from asserting its INTx line, or lets it. A line that the device asserts already falls, or
    /// rises.
    ///
    /// A change that the kernel or another program makes between the read and the write is lost. Writing the upper byte
    /// alone would risk less, but QEMU's devices look at their line only when the lower byte is written.
    ///
    /// `doing` says for whom, for the error.
    pub(crate) fn disable_intx(&self, disable: bool, doing: &'static str) -> Result<(), SourceError> {
        let command = self.read16(COMMAND).map_err(device_failed(doing))?;
        if command == u16::MAX {
            // A command register is never all ones: the device does not answer.
            return Err(SourceError::Removed);
        }
        let changed = if disable { command | COMMAND_INTX_DISABLE } else { command & !COMMAND_INTX_DISABLE };
        self.write16(COMMAND, changed).map_err(device_failed(doing))
    }

    pub(crate) fn write16(&self, offset: u64, value: u16) -> Result<(), Failure> {
        self.write(offset, value.to_le_bytes())
    }
}

/// Returns what is known of the INTx line of the device at `sysfs`.
pub(crate) fn line(sysfs: &Path) -> Info {
    let vector = system::number(sysfs.join("irq")).and_then(assigned);
    let info = Info::new()
        .with_trigger(Trigger::Level)
        .with_polarity(Polarity::ActiveLow)
        .with_message_signaled(false)
        .with_share(Share::Shared);
    with_vector(info, vector)
}

/// Returns what is known of message `number`, which has that vector, if any.
pub(crate) fn message(number: u32, vector: Option<u32>) -> Info {
    let info = Info::new()
        .with_message_number(number)
        .with_trigger(Trigger::Message)
        .with_message_signaled(true)
        .with_share(Share::Exclusive);
    with_vector(info, vector)
}

/// Adds the vector, and what the system says of its processors.
fn with_vector(mut info: Info, vector: Option<u32>) -> Info {
    info.vector = vector;
    info.processors = vector.and_then(processors);
    info.group = info.processors.map(|_| 0);
    info
}

/// Returns the vectors of the messages of the device at `sysfs`, in order.
pub(crate) fn message_vectors(sysfs: &Path) -> Vec<u32> {
    let names = system::names(sysfs.join("msi_irqs"));
    let mut vectors: Vec<u32> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
    vectors.sort_unstable();
    vectors
}

/// Returns the number of a line, unless it is the 0 that stands for none.
fn assigned(vector: u64) -> Option<u32> {
    u32::try_from(vector).ok().filter(|&vector| vector != 0)
}

/// Returns the processors that an interrupt may be delivered to, if all of them are in group 0.
fn processors(vector: u32) -> Option<u64> {
    mask(&system::attribute(format!("/proc/irq/{vector}/smp_affinity"))?)
}

/// Reads groups of 32 processors with commas between them, the highest first. Returns `None` if one is beyond the 64th.
fn mask(text: &str) -> Option<u64> {
    text.split(',').try_fold(0_u64, |mask, group| {
        let group = u32::from_str_radix(group, 16).ok()?;
        (mask >> 32 == 0).then_some(mask << 32 | u64::from(group))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn processor_masks_of_any_width_are_read() {
        assert_eq!(mask("3"), Some(3));
        assert_eq!(mask("00000000,00000001,80000000"), Some(0x1_8000_0000));
        assert_eq!(mask("00000001,00000000,00000000"), None);
        assert_eq!(mask(""), None);
    }

    #[test]
    fn a_line_without_a_number_has_none() {
        assert_eq!(assigned(0), None);
        assert_eq!(assigned(16), Some(16));
    }

    /// The group is known where the processors are.
    // Caught: a group without processors, and processors without a group.
    #[test]
    fn p3_a_line_has_its_processors_and_their_group() {
        let sysfs = std::env::temp_dir().join(format!("interrupt-lock-pci-{}", std::process::id()));
        fs::create_dir_all(&sysfs).unwrap();
        // One that this machine has, and one that none has.
        let irqs = fs::read_dir("/proc/irq").into_iter().flatten();
        let some: Option<u32> =
            irqs.filter_map(|irq| irq.ok()?.file_name().to_str()?.parse().ok()).find(|&irq| irq != 0);
        for irq in [some, Some(4_000_000_000)].into_iter().flatten() {
            fs::write(sysfs.join("irq"), format!("{irq}\n")).unwrap();
            let info = line(&sysfs);
            assert_eq!(info.vector, Some(irq));
            assert_eq!(info.processors, processors(irq));
            assert_eq!(info.group, info.processors.map(|_| 0));
        }
        assert_eq!(line(&sysfs).group, None);
        fs::remove_dir_all(&sysfs).unwrap();
    }
}
