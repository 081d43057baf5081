//! What became of a line's signals.

/// What became of the signals of a [`SharedLine`](super::SharedLine), for an operator.
///
/// ```
/// use interrupt_lock::source::{SharedLine, Software};
///
/// let shared = SharedLine::new(Software::level().0)?;
/// assert_eq!(shared.stats().spurious, 0);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineStats {
    /// Rounds in which at least one interrupt claimed.
    pub claimed: u64,
    /// Rounds in which no interrupt claimed.
    pub spurious: u64,
}
