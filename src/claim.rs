//! The claim, which each ISR returns.

/// What an ISR returns: whether its device had asserted the interrupt.
///
/// ```
/// use interrupt_lock::Claim;
///
/// fn claim(status: u32) -> Claim {
///     match status {
///         0 => Claim::Unclaimed,
///         u32::MAX => Claim::DeviceGone,
///         _ => Claim::Claimed,
///     }
/// }
/// assert_eq!(claim(0), Claim::Unclaimed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the answer decides what becomes of the line"]
#[non_exhaustive]
pub enum Claim {
    /// The device had asserted, and the ISR has dealt with it: `TRUE` in WDF.
    Claimed,
    /// As [`Claimed`](Self::Claimed), but the interrupt stays masked until the work item has run or the driver calls
    /// `unmask` ([rule I6](crate::guide::contract#i6)): a level line by its source, a message or an edge by the ISR
    /// itself, which has quieted the device. An unmask callback then lets the device assert again.
    ClaimedKeepMasked,
    /// The device had not asserted: `FALSE` in WDF.
    Unclaimed,
    /// The device is gone: its registers read as all ones. The interrupt becomes removed ([rule
    /// I13](crate::guide::contract#i13)).
    DeviceGone,
}
