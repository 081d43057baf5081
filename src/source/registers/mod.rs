//! Access to a device's registers (design: "a mapped region with width-checked volatile access").

mod forward;
/// A block of device registers: a mapped PCI BAR, a UIO map, the simulated device.
///
/// A driver written against this trait runs on all of them. Offsets are in bytes; values are little-endian, as on PCI,
/// and are given in the machine's order. Every access is one volatile access of just that width.
///
/// # Panics
///
/// Every access panics when it does not lie within the block or its offset isn't a multiple of its width, as indexing
/// a slice would: an offset is the driver's own constant. The size of the block is [`len`](Self::len).
///
/// # A device that is gone
///
/// Reads of a PCI device that has been removed give all ones. Which of a device's registers never hold all ones is the
/// driver's knowledge, so the check is asked for: [`read32_live`](Self::read32_live). An ISR that finds its device gone
/// answers [`Claim::DeviceGone`](crate::Claim::DeviceGone).
///
/// # Examples
///
/// ```
/// use interrupt_lock::Registers;
///
/// fn acknowledge(registers: &impl Registers) -> Option<u32> {
///     let status = registers.read32_live(0x24)?; // None: the device is gone
///     registers.write32(0x64, status);
///     Some(status)
/// }
/// ```
pub trait Registers: Send + Sync {
    /// The size of the block in bytes.
    fn len(&self) -> usize;

    /// Whether the block has no registers at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the 8-bit register at `offset`.
    fn read8(&self, offset: usize) -> u8;
    /// Reads the 16-bit register at `offset`.
    fn read16(&self, offset: usize) -> u16;
    /// Reads the 32-bit register at `offset`.
    fn read32(&self, offset: usize) -> u32;
    /// Reads the 64-bit register at `offset`.
    fn read64(&self, offset: usize) -> u64;
    /// Writes the 8-bit register at `offset`.
    fn write8(&self, offset: usize, value: u8);
    /// Writes the 16-bit register at `offset`.
    fn write16(&self, offset: usize, value: u16);
    /// Writes the 32-bit register at `offset`.
    fn write32(&self, offset: usize, value: u32);
    /// Writes the 64-bit register at `offset`.
    fn write64(&self, offset: usize, value: u64);

    /// Reads a 32-bit register that never holds all ones while the device is there; `None` means that it is gone.
    fn read32_live(&self, offset: usize) -> Option<u32> {
        let value = self.read32(offset);
        (value != u32::MAX).then_some(value)
    }
}
