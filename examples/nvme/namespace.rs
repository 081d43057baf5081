//! The namespace: how large it is, and how it is divided into sectors.

use interrupt_lock::linux::vfio::DmaBuffer;

use crate::command::Command;
use crate::failure::Failure;
use crate::port::Port;

/// Where the fields are that this driver reads, of the 4 KiB that Identify gives.
const SIZE: usize = 0;
const FORMAT_IN_USE: usize = 26;
const FORMATS: usize = 128;

/// In FORMAT_IN_USE: the number of the format.
const NUMBER: u8 = 0xf;
/// Sectors that this driver is for.
const SECTORS: std::ops::RangeInclusive<u64> = 512..=4096;

#[derive(Default)]
pub struct Namespace {
    /// A sector's size in bytes.
    pub sector: u64,
    pub sectors: u64,
}

impl Namespace {
    /// Asks the controller.
    pub fn identify(admin: &Port) -> Result<Self, Failure> {
        admin.run(Command::identify_namespace(admin.memory.iova()))?;
        Self::parse(&admin.memory)
    }

    fn parse(identified: &DmaBuffer) -> Result<Self, Failure> {
        let (mut sectors, mut format, mut formats) = ([0; 8], [0], [0; 64]);
        identified.read(SIZE, &mut sectors);
        identified.read(FORMAT_IN_USE, &mut format);
        identified.read(FORMATS, &mut formats);
        let sectors = u64::from_le_bytes(sectors);
        if sectors == 0 {
            return Err(Failure::Device("it has no first namespace".into())); // all zeros stand for one that isn't there
        }
        let [metadata @ .., shift, _] = formats.as_chunks::<4>().0[usize::from(format[0] & NUMBER)];
        if metadata != [0, 0] {
            // They would be transferred beyond the block's memory, or to a place that no command names.
            return Err(Failure::Device("its sectors have metadata, which this driver does not handle".into()));
        }
        let sector = 1_u64.checked_shl(shift.into()).filter(|sector| SECTORS.contains(sector));
        let sector = sector.ok_or_else(|| {
            Failure::Device(format!("its sectors of 2 to the power of {shift} bytes are not what this driver is for"))
        })?;
        Ok(Self { sector, sectors })
    }
}
