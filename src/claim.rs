//! What an ISR answers.

/// The answer of an ISR.
///
/// ```
/// use interrupt_lock::Claim;
///
/// fn answer(status: u32) -> Claim {
///     if status == 0 { Claim::Unclaimed } else { Claim::Claimed }
/// }
/// assert_eq!(answer(0), Claim::Unclaimed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the answer decides what becomes of the line"]
#[non_exhaustive]
pub enum Claim {
    /// The device asserted it, and the ISR has dealt with that: the reference's `TRUE`.
    Claimed,
    /// The device asserted it; a level line stays masked until the work item has run, or `unmask` is called
    /// (rule I6).
    ClaimedKeepMasked,
    /// The device did not assert it: the reference's `FALSE`.
    Unclaimed,
    /// The device no longer answers (its registers read as all ones): a surprise removal (rule I13).
    DeviceGone,
}
