//! What a delivery answers.

use core::fmt;

use crate::claim::Claim;

/// What a call of [`service`](crate::InterruptObject::service) has done, for a driver's own loop or an interrupt vector.
///
/// ```
/// use interrupt_lock::{Claim, Delivery, Interrupt};
///
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build()?;
/// assert_eq!(interrupt.service(), Delivery::NotServed);
/// interrupt.enable()?;
/// assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The ISR ran and returned this claim. (If the ISR panicked, the delivery is [`NotServed`](Self::NotServed).)
    Answered(Claim),
    /// The source had signalled nothing since it was last served.
    Nothing,
    /// The lock is held, and the caller can't wait for its owner: the owner is the caller itself, or waits for the
    /// caller ([rule L13](crate::guide::contract#l13)), or, on bare metal, is any code. The delivery is left to the
    /// owner, which runs the ISR as its section ends.
    Pending,
    /// The interrupt is disabled, faulted, removed or ended: the ISR does not run.
    NotServed,
    /// The interrupt is inactive, or asleep with its device. The assertion has been taken, and the ISR runs for it when
    /// the interrupt is active, or awake, again.
    Withheld,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered(Claim::Unclaimed) => "not claimed",
            Self::Answered(Claim::DeviceGone) => "device gone",
            Self::Answered(_) => "claimed",
            Self::Nothing => "nothing signalled",
            Self::Pending => "pending",
            Self::NotServed => "not served",
            Self::Withheld => "withheld",
        })
    }
}
