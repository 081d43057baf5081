//! What an enable or a disable answers.

/// Whether a transition, such as an enable, had to do anything, for the driver that called it ([rule
/// E3](crate::guide::contract#e3)).
///
/// ```
/// use interrupt_lock::{Claim, Interrupt, Transition};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.enable()?, Transition::Done);
/// assert_eq!(interrupt.enable()?, Transition::Already);
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transition {
    /// The transition has been made.
    Done,
    /// The interrupt was in that state already. Nothing was done, and no callback ran.
    Already,
}
