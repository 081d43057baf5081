//! What is known of an assigned interrupt resource (rule P3).

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
