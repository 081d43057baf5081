//! What state an interrupt is in.

/// The state of an interrupt at one moment, for drivers and operators.
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, State};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.state(), State::Disabled);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not connected: not yet enabled, or disabled.
    Disabled,
    /// Connected and served.
    Enabled,
    /// Connected, but not delivered until the driver reports it active.
    Inactive,
    /// Connected while its device is in low power. An assertion wakes the device ([rule
    /// E9](crate::guide::contract#e9)).
    Asleep,
    /// Taken out of service by a fault, and disconnected. [`clear_fault`](crate::InterruptObject::clear_fault) ends
    /// this.
    Faulted,
    /// Its device has gone. This state is final.
    Removed,
    /// Its handle has been dropped. This state is final. In a forked child, every interrupt of the parent has ended ([rule
    /// I20](crate::guide::contract#i20)).
    Ended,
}

impl State {
    /// Returns the state in a word, as in the middle of a sentence.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Inactive => "inactive",
            Self::Asleep => "asleep",
            Self::Faulted => "faulted",
            Self::Removed => "removed",
            Self::Ended => "ended",
        }
    }
}
