//! What enable and disable refuse.

use core::fmt;

/// Why an enable or a disable failed.
///
/// ```
/// use interrupt_lock::single_core::Error;
///
/// assert_eq!(Error::EnableCallback("no clock").to_string(), "the enable callback failed: no clock");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The enable callback returned this error. The interrupt stays disabled.
    EnableCallback(&'static str),
    /// The disable callback returned this error. The interrupt is disabled all the same.
    DisableCallback(&'static str),
    /// The caller holds the interrupt lock, or is in a transition or in the work item of this interrupt, or has interrupted
    /// code that is. Nothing has been done: do it from the main loop, or from a task.
    WouldDeadlock,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error) = match self {
            Self::EnableCallback(error) => ("the enable callback failed: ", *error),
            Self::DisableCallback(error) => ("the disable callback failed: ", *error),
            Self::WouldDeadlock => ("it would wait for its caller: do it outside the interrupt's own sections", ""),
        };
        f.write_str(what)?;
        f.write_str(error)
    }
}

impl core::error::Error for Error {}
