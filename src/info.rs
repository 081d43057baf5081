//! What is known of an assigned interrupt resource (rule P3).

use core::fmt;

/// How a source signals.
///
/// ```
/// use interrupt_lock::Trigger;
/// assert!(Trigger::Level.can_be_masked());
/// assert!(!Trigger::Message.can_be_masked());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// A line that signals for as long as it is asserted. It masks itself as it signals, and signals again when it is
    /// unmasked while still asserted.
    Level,
    /// A line that signals once for each change.
    Edge,
    /// A message-signaled vector (MSI, MSI-X): an edge with a number.
    Message,
}

impl Trigger {
    /// Whether a source of this kind can be masked; edges and messages can only stop being served.
    ///
    /// ```
    /// assert!(!interrupt_lock::Trigger::Edge.can_be_masked());
    /// ```
    #[must_use]
    pub const fn can_be_masked(self) -> bool {
        matches!(self, Self::Level)
    }
}

/// Which change of the line signals.
///
/// ```
/// assert_ne!(interrupt_lock::Polarity::ActiveHigh, interrupt_lock::Polarity::ActiveLow);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Polarity {
    /// High level, or rising edge.
    ActiveHigh,
    /// Low level, or falling edge.
    ActiveLow,
    /// Both edges.
    Both,
}

/// Whether other devices may assert the same line.
///
/// ```
/// assert_ne!(interrupt_lock::Share::Exclusive, interrupt_lock::Share::Shared);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Share {
    /// This device alone asserts it.
    Exclusive,
    /// Other devices may assert it too, so that an unclaimed delivery is nothing unusual.
    Shared,
}

/// The resources that the system has assigned to an interrupt: `WUDF_INTERRUPT_INFO`, `WDF_INTERRUPT_INFO`.
///
/// A source fills in what its system tells; what is unknown or not assigned yet is `None`, never a magic zero. It is
/// read anew at each enable, because the resources may change between two of them.
///
/// ```
/// use interrupt_lock::{Info, Trigger};
///
/// let mut info = Info::default();
/// info.trigger = Some(Trigger::Level);
/// assert_eq!(info.vector, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "WUDF_INTERRUPT_INFO")]
#[doc(alias = "WDF_INTERRUPT_INFO")]
#[doc(alias = "GetInfo")]
pub struct Info {
    /// The system's number of the line or vector (on Linux the number in `/proc/interrupts`).
    pub vector: Option<u32>,
    /// Which message of its device this is; `None` for a line.
    pub message_number: Option<u32>,
    /// Level, edge or message.
    pub trigger: Option<Trigger>,
    /// Which level or edge asserts.
    pub polarity: Option<Polarity>,
    /// Whether it arrives as a message.
    pub message_signaled: Option<bool>,
    /// Whether other devices may assert the same line.
    pub share: Option<Share>,
    /// The processors that it may be delivered to, bit n for processor n of the group.
    pub processors: Option<u64>,
    /// The processor group.
    pub group: Option<u16>,
}

impl Info {
    pub(crate) const UNKNOWN: Self = Self {
        vector: None,
        message_number: None,
        trigger: None,
        polarity: None,
        message_signaled: None,
        share: None,
        processors: None,
        group: None,
    };
}

/// Some processors of one group.
///
/// A group holds 64: group g the processors 64 g to 64 g + 63. A machine of up to 64 has one, group 0.
///
/// ```
/// use interrupt_lock::ProcessorSet;
///
/// let set = ProcessorSet::new(0b1011);
/// assert_eq!(set.to_string(), "0-1,3");
/// assert_eq!(set.in_group(1).to_string(), "64-65,67");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "GROUP_AFFINITY")]
#[doc(alias = "TargetProcessorSetAndGroup")]
#[doc(alias = "KAFFINITY")]
pub struct ProcessorSet {
    mask: u64,
    group: u16,
}

impl ProcessorSet {
    /// Bit n for processor n of group 0.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b100).mask(), 0b100);
    /// ```
    #[must_use]
    pub const fn new(mask: u64) -> Self {
        Self { mask, group: 0 }
    }

    /// The same bits in another group.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b1).in_group(2).group(), 2);
    /// ```
    #[must_use]
    pub const fn in_group(mut self, group: u16) -> Self {
        self.group = group;
        self
    }

    /// The bits.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b11).mask(), 0b11);
    /// ```
    #[must_use]
    pub const fn mask(self) -> u64 {
        self.mask
    }

    /// The group.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b11).group(), 0);
    /// ```
    #[must_use]
    pub const fn group(self) -> u16 {
        self.group
    }

    /// The system's numbers of the processors, in order.
    pub(crate) fn numbers(self) -> impl Iterator<Item = usize> {
        let first = usize::from(self.group) * 64;
        (0..64).filter(move |bit| self.mask >> bit & 1 != 0).map(move |bit| first + bit)
    }
}

impl fmt::Display for ProcessorSet {
    /// As Linux writes a set: `0-1,3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(self.numbers(), f)
    }
}

/// Writes ascending numbers as Linux does: `0-3,8`.
pub(crate) fn list(numbers: impl Iterator<Item = usize>, f: &mut impl fmt::Write) -> fmt::Result {
    let mut numbers = numbers.peekable();
    let mut between = "";
    while let Some(first) = numbers.next() {
        let mut last = first;
        while let Some(next) = numbers.next_if(|&next| next == last + 1) {
            last = next;
        }
        write!(f, "{between}{first}")?;
        if last != first {
            write!(f, "-{last}")?;
        }
        between = ",";
    }
    Ok(())
}
