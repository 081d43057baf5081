//! Access to a device's registers.

mod forward;

/// A block of device registers: a mapped PCI BAR, a UIO map, the simulated device. For drivers that run on all of them.
///
/// Offsets are in bytes. Registers are little-endian, as on PCI; values are in the machine's byte order. Every access
/// is one volatile access of exactly that width.
///
/// # Panics
///
/// An access panics if it does not lie within the block, or if its offset isn't a multiple of its width. The size of
/// the block is [`len`](Self::len).
///
/// # A device that is gone
///
/// Reads of a PCI device that has been removed give all ones. Only the driver knows which registers never hold all
/// ones, so it has to ask for the check: [`read32_live`](Self::read32_live). An ISR that finds its device gone returns
/// [`Claim::DeviceGone`](crate::Claim::DeviceGone).
///
/// For registers with types and named bits see [registers](crate::guide::registers).
///
/// # Examples
///
/// ```
/// use interrupt_lock::Registers;
///
/// const INTERRUPT_STATUS: usize = 0x24;
/// const ACKNOWLEDGE: usize = 0x64;
///
/// fn acknowledge(registers: &impl Registers) -> Option<u32> {
///     let status = registers.read32_live(INTERRUPT_STATUS)?; // None: the device is gone
///     registers.write32(ACKNOWLEDGE, status);
///     Some(status)
/// }
/// ```
pub trait Registers: Send + Sync {
    /// Returns the size of the block in bytes.
    fn len(&self) -> usize;

    /// Returns whether the block has no registers at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the 8-bit register at `offset`.
    #[doc(alias("READ_REGISTER_UCHAR", "WDF_READ_REGISTER_UCHAR"))]
    fn read8(&self, offset: usize) -> u8;
    /// Reads the 16-bit register at `offset`.
    #[doc(alias("READ_REGISTER_USHORT", "WDF_READ_REGISTER_USHORT"))]
    fn read16(&self, offset: usize) -> u16;
    /// Reads the 32-bit register at `offset`.
    #[doc(alias("READ_REGISTER_ULONG", "WDF_READ_REGISTER_ULONG"))]
    fn read32(&self, offset: usize) -> u32;
    /// Reads the 64-bit register at `offset`.
    #[doc(alias("READ_REGISTER_ULONG64", "WDF_READ_REGISTER_ULONG64"))]
    fn read64(&self, offset: usize) -> u64;
    /// Writes the 8-bit register at `offset`.
    #[doc(alias("WRITE_REGISTER_UCHAR", "WDF_WRITE_REGISTER_UCHAR"))]
    fn write8(&self, offset: usize, value: u8);
    /// Writes the 16-bit register at `offset`.
    #[doc(alias("WRITE_REGISTER_USHORT", "WDF_WRITE_REGISTER_USHORT"))]
    fn write16(&self, offset: usize, value: u16);
    /// Writes the 32-bit register at `offset`.
    #[doc(alias("WRITE_REGISTER_ULONG", "WDF_WRITE_REGISTER_ULONG"))]
    fn write32(&self, offset: usize, value: u32);
    /// Writes the 64-bit register at `offset`.
    #[doc(alias("WRITE_REGISTER_ULONG64", "WDF_WRITE_REGISTER_ULONG64"))]
    fn write64(&self, offset: usize, value: u64);

    /// Reads a 32-bit register that never holds all ones while the device is there. Returns `None` if the device is
    /// gone.
    fn read32_live(&self, offset: usize) -> Option<u32> {
        let value = self.read32(offset);
        (value != u32::MAX).then_some(value)
    }
}
