//! Where and how urgently an interrupt is to be served (rules P1 and P2): plain data, given while building.

pub(crate) mod placement;

use crate::{ProcessorSet, SourceError};

/// Where and how urgently an interrupt is to be served: the reference's extended policy.
///
/// It is given once, by [`Builder::policy`](crate::Builder::policy), and asked of the system at each enable: of the
/// thread that serves the interrupt, and of the interrupt's own vector, where the system knows it.
/// [`policy_answer`](crate::InterruptObject::policy_answer) says what was taken and what was refused.
///
/// By default it is one close processor, with an undefined priority, as in the reference. Of that nothing is asked: the
/// scheduler runs the thread on one processor at a time, and moves it away from one that is busy. What is given is asked
/// for, the default too: `Policy::new().affinity(Affinity::OneClose)` binds the thread.
///
/// ```
/// use interrupt_lock::{Affinity, Policy, Priority};
///
/// let policy = Policy::new().affinity(Affinity::AllClose).priority(Priority::High);
/// assert_eq!(policy.affinity_policy(), Affinity::AllClose);
/// assert_eq!(Policy::new().affinity_policy(), Affinity::OneClose);
/// assert_eq!(Policy::new().priority_policy(), Priority::Undefined);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a policy does nothing before it is given to a builder"]
#[doc(alias = "WUDF_INTERRUPT_EXTENDED_POLICY")]
#[doc(alias = "WDF_INTERRUPT_EXTENDED_POLICY")]
#[doc(alias = "SetExtendedPolicy")]
#[doc(alias = "WdfInterruptSetExtendedPolicy")]
pub struct Policy {
    pub(crate) affinity: Option<Affinity>,
    pub(crate) priority: Priority,
}

impl Policy {
    /// One close processor, undefined priority, and nothing asked of the system.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Policy::new(), interrupt_lock::Policy::default());
    /// ```
    pub const fn new() -> Self {
        Self { affinity: None, priority: Priority::Undefined }
    }

    /// Asks for processors.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Policy, ProcessorSet};
    /// let policy = Policy::new().affinity(Affinity::Specified(ProcessorSet::new(0b1)));
    /// ```
    pub const fn affinity(mut self, affinity: Affinity) -> Self {
        self.affinity = Some(affinity);
        self
    }

    /// Asks for a priority.
    ///
    /// ```
    /// use interrupt_lock::{Policy, Priority};
    /// assert_eq!(Policy::new().priority(Priority::Low).priority_policy(), Priority::Low);
    /// ```
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The affinity policy.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Policy};
    /// assert_eq!(Policy::new().affinity_policy(), Affinity::OneClose);
    /// ```
    #[must_use]
    pub const fn affinity_policy(&self) -> Affinity {
        match self.affinity {
            Some(affinity) => affinity,
            None => Affinity::OneClose,
        }
    }

    /// The priority.
    ///
    /// ```
    /// use interrupt_lock::{Policy, Priority};
    /// assert_eq!(Policy::new().priority_policy(), Priority::Undefined);
    /// ```
    #[must_use]
    pub const fn priority_policy(&self) -> Priority {
        self.priority
    }

    /// Whether there is nothing to be asked of the system.
    pub(crate) fn asks_nothing(&self) -> bool {
        matches!(self.affinity, None | Some(Affinity::MachineDefault)) && self.priority == Priority::Undefined
    }
}

/// Which processors are to serve an interrupt: the reference's affinity policies.
///
/// On Linux "close" are the processors of the NUMA node that the device is on; all, where that isn't known.
///
/// ```
/// use interrupt_lock::Affinity;
/// assert_eq!(Affinity::default(), Affinity::OneClose);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "IRQ_DEVICE_POLICY")]
#[doc(alias = "WDF_INTERRUPT_POLICY")]
pub enum Affinity {
    /// As the system has it.
    #[doc(alias = "IrqPolicyMachineDefault")]
    MachineDefault,
    /// All that are close to the device.
    #[doc(alias = "IrqPolicyAllCloseProcessors")]
    AllClose,
    /// One that is close to the device; each message of a device has the next.
    #[default]
    #[doc(alias = "IrqPolicyOneCloseProcessor")]
    OneClose,
    /// All of the machine.
    #[doc(alias = "IrqPolicyAllProcessorsInMachine")]
    All,
    /// These.
    #[doc(alias = "IrqPolicySpecifiedProcessors")]
    Specified(ProcessorSet),
    /// Message n has the n-th processor of the machine, beginning again after the last.
    #[doc(alias = "IrqPolicySpreadMessagesAcrossAllProcessors")]
    SpreadMessages,
}

/// How urgently an interrupt is to be served.
///
/// On Linux the serving thread is scheduled as `SCHED_FIFO`, which takes the right to it (`CAP_SYS_NICE` or
/// `RLIMIT_RTPRIO`). Such a thread runs before all ordinary ones: an ISR that does not return, or a
/// [polling](crate::Polling) window that does not end, then keeps its processor from them.
///
/// ```
/// use interrupt_lock::Priority;
/// assert_eq!(Priority::default(), Priority::Undefined);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[doc(alias = "IRQ_PRIORITY")]
#[doc(alias = "WDF_INTERRUPT_PRIORITY")]
pub enum Priority {
    /// As the system has it: that of the thread which built the interrupt.
    #[default]
    #[doc(alias = "IrqPriorityUndefined")]
    Undefined,
    /// 25 of 99.
    #[doc(alias = "IrqPriorityLow")]
    Low,
    /// 50 of 99, as Linux's own interrupt threads.
    #[doc(alias = "IrqPriorityNormal")]
    Normal,
    /// 75 of 99.
    #[doc(alias = "IrqPriorityHigh")]
    High,
}

impl Priority {
    /// As a real-time priority of Linux.
    #[cfg(target_os = "linux")]
    pub(crate) fn real_time(self) -> Option<i32> {
        match self {
            Self::Undefined => None,
            Self::Low => Some(25),
            Self::Normal => Some(50),
            Self::High => Some(75),
        }
    }
}

/// What the system has answered to a [`Policy`], at the last enable.
///
/// ```
/// use interrupt_lock::{Affinity, Answer, Claim, Interrupt, Policy, source::Software};
///
/// let (source, _) = Software::edge();
/// let policy = Policy::new().affinity(Affinity::All);
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).policy(policy).build()?;
/// interrupt.enable()?;
///
/// let answer = interrupt.policy_answer();
/// assert_eq!(answer.priority, Answer::NotAsked);
/// for refusal in answer.refusals() {
///     println!("{refusal}"); // such as: the interrupt's vector is not known
/// }
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyAnswer {
    /// The affinity of the thread that serves the interrupt.
    pub thread: Answer,
    /// The affinity of the line or vector itself. A line that is shared moves for all who share it.
    pub line: Answer,
    /// The priority of the thread.
    pub priority: Answer,
}

impl PolicyAnswer {
    /// What was refused, and why.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::PolicyAnswer::default().refusals().count(), 0);
    /// ```
    pub fn refusals(&self) -> impl Iterator<Item = &SourceError> {
        [&self.thread, &self.line, &self.priority].into_iter().filter_map(|answer| match answer {
            Answer::Refused(why) => Some(why),
            Answer::NotAsked | Answer::Taken => None,
        })
    }
}

/// What has become of one part of a [`Policy`].
///
/// ```
/// use interrupt_lock::{Answer, PolicyAnswer};
/// assert_eq!(PolicyAnswer::default().thread, Answer::NotAsked);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was asked, by the policy or because there has been no enable yet: it is as the system has it.
    #[default]
    NotAsked,
    /// It is as the policy says.
    Taken,
    /// It is as it was, and that is why.
    Refused(SourceError),
}

impl From<Result<(), SourceError>> for Answer {
    fn from(answer: Result<(), SourceError>) -> Self {
        match answer {
            Ok(()) => Self::Taken,
            Err(why) => Self::Refused(why),
        }
    }
}
