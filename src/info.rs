//! What is known of an interrupt's resources (rule P3).

use core::fmt;

/// How a source signals: part of its [`Info`].
///
/// ```
/// use interrupt_lock::Trigger;
/// assert!(Trigger::Level.can_be_masked());
/// assert!(!Trigger::Message.can_be_masked());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// A line that signals for as long as it is asserted. It masks itself as it signals. If it is still asserted when
    /// it is unmasked, it signals again.
    #[doc(alias = "LevelSensitive")]
    Level,
    /// A line that signals once for each change of its level.
    #[doc(alias = "Latched")]
    Edge,
    /// A message-signaled vector (MSI, MSI-X): an edge with a number.
    Message,
}

impl Trigger {
    /// Returns whether a source of this kind can be masked. Edges and messages can only stop being served.
    ///
    /// ```
    /// assert!(!interrupt_lock::Trigger::Edge.can_be_masked());
    /// ```
    #[must_use]
    pub const fn can_be_masked(self) -> bool {
        matches!(self, Self::Level)
    }
}

/// Which level or change of a line signals: part of its [`Info`].
///
/// ```
/// assert_ne!(interrupt_lock::Polarity::ActiveHigh, interrupt_lock::Polarity::ActiveLow);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Polarity {
    /// The high level, or the rising edge.
    #[doc(alias = "WdfInterruptActiveHigh")]
    ActiveHigh,
    /// The low level, or the falling edge.
    #[doc(alias = "WdfInterruptActiveLow")]
    ActiveLow,
    /// Both edges.
    Both,
}

/// Whether other devices may assert the same line: part of its [`Info`].
///
/// ```
/// assert_ne!(interrupt_lock::Share::Exclusive, interrupt_lock::Share::Shared);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Share {
    /// Only this device asserts it.
    #[doc(alias = "CmResourceShareDeviceExclusive")]
    Exclusive,
    /// Other devices may assert it too, so an unclaimed delivery is expected.
    #[doc(alias = "CmResourceShareShared")]
    Shared,
}

/// What is known of an interrupt's resources, for drivers and authors of back-ends: stands for `WUDF_INTERRUPT_INFO`
/// and `WDF_INTERRUPT_INFO`.
///
/// A driver gets it from [`info`](crate::InterruptObject::info), a back-end returns it from
/// [`Source::info`](crate::source::Source::info). What the system does not tell, or has not assigned yet, is `None`,
/// never 0. The source is asked anew at each enable, because the resources may change in between.
///
/// ```
/// use interrupt_lock::{Info, Trigger};
///
/// let mut info = Info::new().with_trigger(Trigger::Level).with_vector(24);
/// info.message_number = None; // the fields are public, too
/// assert_eq!(info.vector, Some(24));
/// assert_eq!(info.polarity, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "WUDF_INTERRUPT_INFO")]
#[doc(alias = "GetInfo")]
pub struct Info {
    /// The system's number of the line or vector. On Linux this is the number in `/proc/interrupts`.
    pub vector: Option<u32>,
    /// Which message of its device this is; `None` for a line.
    pub message_number: Option<u32>,
    /// Level, edge or message.
    #[doc(alias = "Mode")]
    pub trigger: Option<Trigger>,
    /// Which level or edge asserts.
    pub polarity: Option<Polarity>,
    /// Whether it arrives as a message.
    pub message_signaled: Option<bool>,
    /// Whether other devices may assert the same line.
    #[doc(alias = "ShareDisposition")]
    pub share: Option<Share>,
    /// The processors that it may be delivered to: bit n for processor n of the group.
    #[doc(alias = "TargetProcessorSet")]
    pub processors: Option<u64>,
    /// The processor group, in the sense of a [`ProcessorSet`].
    pub group: Option<u16>,
}

impl Info {
    /// Makes an `Info` in which nothing is known.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new(), Info::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            vector: None,
            message_number: None,
            trigger: None,
            polarity: None,
            message_signaled: None,
            share: None,
            processors: None,
            group: None,
        }
    }

    /// Says the number of the line or vector.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new().with_vector(24).vector, Some(24));
    /// ```
    #[must_use]
    pub const fn with_vector(mut self, number: u32) -> Self {
        self.vector = Some(number);
        self
    }

    /// Says which message of its device this is.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new().with_message_number(3).message_number, Some(3));
    /// ```
    #[must_use]
    pub const fn with_message_number(mut self, number: u32) -> Self {
        self.message_number = Some(number);
        self
    }

    /// Says how it signals.
    ///
    /// ```
    /// use interrupt_lock::{Info, Trigger};
    /// assert_eq!(Info::new().with_trigger(Trigger::Level).trigger, Some(Trigger::Level));
    /// ```
    #[must_use]
    pub const fn with_trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = Some(trigger);
        self
    }

    /// Says which level or edge asserts.
    ///
    /// ```
    /// use interrupt_lock::{Info, Polarity};
    /// assert_eq!(Info::new().with_polarity(Polarity::ActiveLow).polarity, Some(Polarity::ActiveLow));
    /// ```
    #[must_use]
    pub const fn with_polarity(mut self, polarity: Polarity) -> Self {
        self.polarity = Some(polarity);
        self
    }

    /// Says whether it arrives as a message.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new().with_message_signaled(true).message_signaled, Some(true));
    /// ```
    #[must_use]
    pub const fn with_message_signaled(mut self, is_message: bool) -> Self {
        self.message_signaled = Some(is_message);
        self
    }

    /// Says whether other devices may assert the same line.
    ///
    /// ```
    /// use interrupt_lock::{Info, Share};
    /// assert_eq!(Info::new().with_share(Share::Exclusive).share, Some(Share::Exclusive));
    /// ```
    #[must_use]
    pub const fn with_share(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// Says the processors that it may be delivered to: bit n for processor n of the group.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new().with_processors(0b11).processors, Some(0b11));
    /// ```
    #[must_use]
    pub const fn with_processors(mut self, mask: u64) -> Self {
        self.processors = Some(mask);
        self
    }

    /// Says the processor group.
    ///
    /// ```
    /// use interrupt_lock::Info;
    /// assert_eq!(Info::new().with_group(0).group, Some(0));
    /// ```
    #[must_use]
    pub const fn with_group(mut self, group: u16) -> Self {
        self.group = Some(group);
        self
    }
}

/// Some processors of one group, for [`Affinity::Specified`](crate::Affinity::Specified).
///
/// What a group is depends on the system:
///
/// - Linux has no groups and numbers all processors. Group g stands for the processors from 64 g to 64 g + 63.
/// - On Windows a group is a processor group: up to 64 processors, and not always 64. A machine of 72 processors may have
///   two groups of 36. Bit n of the mask is the processor that `PROCESSOR_NUMBER` calls number n of that group.
///
/// On both, a machine of up to 64 processors normally has one group, 0.
///
/// A set prints as the system's own tools write it: on Linux `0-1,3`, on Windows with the group before it, if that is not
/// 0.
///
/// ```
/// use interrupt_lock::ProcessorSet;
///
/// let set = ProcessorSet::new(0b1011);
/// assert_eq!(set.to_string(), "0-1,3");
/// assert_eq!(set.in_group(1).to_string(), if cfg!(windows) { "1:0-1,1:3" } else { "64-65,67" });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessorSet {
    mask: u64,
    group: u16,
}

impl ProcessorSet {
    /// Makes a set of processors of group 0: bit n for processor n.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b100).mask(), 0b100);
    /// ```
    #[must_use]
    pub const fn new(mask: u64) -> Self {
        Self { mask, group: 0 }
    }

    /// Returns the same bits in another group.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b1).in_group(2).group(), 2);
    /// ```
    #[must_use]
    pub const fn in_group(mut self, group: u16) -> Self {
        self.group = group;
        self
    }

    /// Returns the bits.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b11).mask(), 0b11);
    /// ```
    #[must_use]
    pub const fn mask(self) -> u64 {
        self.mask
    }

    /// Returns the group.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::ProcessorSet::new(0b11).group(), 0);
    /// ```
    #[must_use]
    pub const fn group(self) -> u16 {
        self.group
    }

    /// Returns the numbers of the processors, in order: those of Linux. On Windows they are this crate's own.
    pub(crate) fn numbers(self) -> impl Iterator<Item = usize> {
        let first = usize::from(self.group) * 64;
        (0..64).filter(move |bit| self.mask >> bit & 1 != 0).map(move |bit| first + bit)
    }
}

impl fmt::Display for ProcessorSet {
    /// Writes the set as the system does: `0-1,3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(self.numbers(), f)
    }
}

/// Writes ascending numbers as the system does: `0-3,8`. On Windows a range of another group than 0 has its group before
/// it: `0-3,1:0-7`.
pub(crate) fn list(numbers: impl Iterator<Item = usize>, f: &mut impl fmt::Write) -> fmt::Result {
    let group_of = |number: usize| if cfg!(windows) { number / 64 } else { 0 };
    let mut numbers = numbers.peekable();
    let mut between = "";
    while let Some(first) = numbers.next() {
        let (group, mut last) = (group_of(first), first);
        while let Some(next) = numbers.next_if(|&next| next == last + 1 && group_of(next) == group) {
            last = next;
        }
        f.write_str(between)?;
        if group != 0 {
            write!(f, "{group}:")?;
        }
        write!(f, "{}", first - group * 64)?;
        if last != first {
            write!(f, "-{}", last - group * 64)?;
        }
        between = ",";
    }
    Ok(())
}
