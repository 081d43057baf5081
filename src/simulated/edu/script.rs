//! What a test can make the device do.

use crate::source::Removal;

/// One thing that a test makes an [`Edu`](super::Edu) do, [now](super::Edu::perform) or [at a set
/// time](super::Edu::play).
///
/// After a surprise removal no step does anything.
///
/// # Examples
///
/// A device that misbehaves for a while, and is then removed:
///
/// ```
/// use std::time::Duration;
/// use interrupt_lock::{Registers, simulated::{Edu, Step}, source::Removal};
///
/// const IDENTIFICATION: usize = 0x00;
///
/// let device = Edu::new();
/// let millisecond = Duration::from_millis(1);
/// device.play([
///     (millisecond, Step::Stuck(true)),
///     (millisecond, Step::Stuck(false)),
///     (millisecond, Step::Remove(Removal::Surprise)),
/// ]);
/// assert!(device.wait_idle(Duration::from_secs(10)));
/// assert_eq!(device.registers().read32_live(IDENTIFICATION), None); // it reads as all ones
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Sets these bits in the interrupt status and interrupts, as a write to the raise register does.
    Raise(u32),
    /// Holds the level line asserted whatever the interrupt status says, so that no acknowledge quiets it. This makes a
    /// storm of unclaimed interrupts. `false` ends it. It has no effect on messages.
    Stuck(bool),
    /// Suppresses interrupts: the interrupt status is set, but no message is sent, and the line stays deasserted
    /// (unless it is [stuck](Self::Stuck)). `false` ends it: the line follows the status again, and suppressed messages
    /// are lost.
    Silent(bool),
    /// Removes the device, or asks the driver to let it go.
    ///
    /// - After a surprise removal every read gives all ones, and writes are ignored. Computation and script are over.
    ///   The source fails with [`SourceError::Removed`](crate::SourceError::Removed).
    /// - A request changes only what [`Source::removal`](crate::source::Source::removal) returns.
    Remove(Removal),
}
