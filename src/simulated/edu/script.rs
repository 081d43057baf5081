//! What a test can make the device do.

use crate::source::Removal;

/// One thing that an [`Edu`](super::Edu) does by itself, [now](super::Edu::perform) or
/// [in its time](super::Edu::play). After a surprise removal no step does anything.
///
/// # Examples
///
/// A device that misbehaves for a while, and is pulled:
///
/// ```
/// use std::time::Duration;
/// use interrupt_lock::{Registers, simulated::{Edu, Step}, source::Removal};
///
/// let device = Edu::new();
/// let millisecond = Duration::from_millis(1);
/// device.play([
///     (millisecond, Step::Stuck(true)),
///     (millisecond, Step::Stuck(false)),
///     (millisecond, Step::Remove(Removal::Surprise)),
/// ]);
/// assert!(device.wait_idle(Duration::from_secs(10)));
/// assert_eq!(device.registers().read32(0x00), u32::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Sets these bits in the interrupt status and interrupts, as a write of the raise register does.
    Raise(u32),
    /// Holds the level line asserted whatever the interrupt status says, so that no acknowledge quiets it: a storm of
    /// unclaimed interrupts. `false` lets go. Messages know no such state.
    Stuck(bool),
    /// Swallows interrupts: the interrupt status is set, but no message is sent and the line stays deasserted (unless
    /// it is [stuck](Self::Stuck)). `false` ends it: the line says again what the status says; messages not sent are
    /// lost.
    Silent(bool),
    /// Takes the device away, or asks the driver to let it go. After a surprise every read gives all ones, writes are
    /// ignored, what was being computed or played is over, and the source answers
    /// [`SourceError::Removed`](crate::SourceError::Removed). A request changes nothing but what
    /// [`Source::removal`](crate::source::Source::removal) answers.
    Remove(Removal),
}
