//! Where and how urgently an interrupt is served (rules P1 and P2): plain data, given while building.

pub(crate) mod placement;

use alloc::vec::Vec;

use crate::cause::SourceError;
use crate::info::ProcessorSet;

/// Where and how urgently an interrupt is served: WDF's extended policy, for
/// [`Builder::policy`](crate::Builder::policy).
///
/// The policy is given while building. At each enable the crate asks the system for it: for the thread that serves the
/// interrupt, and on Linux for the interrupt's own vector, where the system knows it. On Windows no program can place a
/// vector: the affinity policy in the INF or in the registry does. On other systems everything is refused.
/// [`policy_answer`](crate::InterruptObject::policy_answer) says what the system took and what it refused.
/// [`move_to`](crate::InterruptObject::move_to) changes the processors later, also while the interrupt is enabled.
///
/// The default is WDF's: one close processor and an undefined priority. For this default the crate asks nothing of the
/// system, because the scheduler runs a thread on one processor at a time, and moves it away from a busy one. What you
/// set is asked for, even if it equals the default: `Policy::new().with_affinity(Affinity::OneClose)` binds the thread.
///
/// ```
/// use interrupt_lock::{Affinity, Policy, Priority};
///
/// let policy = Policy::new().with_affinity(Affinity::AllClose).with_priority(Priority::High);
/// assert_eq!(policy.affinity(), Affinity::AllClose);
/// assert_eq!(Policy::new().affinity(), Affinity::OneClose);
/// assert_eq!(Policy::new().priority(), Priority::Undefined);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a policy does nothing before it is given to a builder"]
#[doc(alias = "WUDF_INTERRUPT_EXTENDED_POLICY")]
#[doc(alias = "SetExtendedPolicy")]
#[doc(alias = "WdfInterruptSetExtendedPolicy")]
pub struct Policy {
    pub(crate) affinity: Option<Affinity>,
    pub(crate) priority: Priority,
}

impl Policy {
    /// Makes the default policy, which asks nothing of the system.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::Policy::new(), interrupt_lock::Policy::default());
    /// ```
    #[doc(alias = "WDF_INTERRUPT_EXTENDED_POLICY_INIT")]
    pub const fn new() -> Self {
        Self { affinity: None, priority: Priority::Undefined }
    }

    /// Asks for processors.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Policy, ProcessorSet};
    /// let policy = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(0b1)));
    /// ```
    pub const fn with_affinity(mut self, affinity: Affinity) -> Self {
        self.affinity = Some(affinity);
        self
    }

    /// Asks for a priority.
    ///
    /// ```
    /// use interrupt_lock::{Policy, Priority};
    /// assert_eq!(Policy::new().with_priority(Priority::Low).priority(), Priority::Low);
    /// ```
    pub const fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Returns the affinity policy; [`Affinity::OneClose`] if none was given.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Policy};
    /// assert_eq!(Policy::new().affinity(), Affinity::OneClose);
    /// ```
    #[must_use]
    pub const fn affinity(&self) -> Affinity {
        match self.affinity {
            Some(affinity) => affinity,
            None => Affinity::OneClose,
        }
    }

    /// Returns the priority; [`Priority::Undefined`] if none was given.
    ///
    /// ```
    /// use interrupt_lock::{Policy, Priority};
    /// assert_eq!(Policy::new().priority(), Priority::Undefined);
    /// ```
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether there is nothing to be asked of the system.
    pub(crate) fn asks_nothing(&self) -> bool {
        matches!(self.affinity, None | Some(Affinity::MachineDefault)) && self.priority == Priority::Undefined
    }
}

/// Which processors serve an interrupt: WDF's affinity policies, for [`Policy::with_affinity`].
///
/// The thread and the vector never get processors that an operator has taken from the process ([rule
/// P1](crate::guide::contract#p1)). [`Answer::Narrowed`] then says which are left. A thread that the program binds itself
/// restricts only itself.
///
/// # On Linux
///
/// The processors close to a device are those of its NUMA node, or all processors if the node isn't known. A processor
/// that is offline belongs to no set. `/sys` tells which processors the machine has, or `/proc`. The process may use
///
/// - the processors that it had when it started, before `main`: `taskset`, systemd's `CPUAffinity=`, a cpuset;
/// - the processors that its main thread has now, because an operator may have granted more since;
/// - of both, what its cpuset leaves now (for a line without a thread of its own: what it left at the start).
///
/// What `taskset -p` takes from a running process holds until the next enable or move; to take processors away for good,
/// use a cpuset.
///
/// # On Windows
///
/// - All processors are close to every device, because Windows does not tell which device is behind an event.
/// - A policy binds the thread to processors of one [group](ProcessorSet). Where [`All`](Self::All) or
///   [`AllClose`](Self::AllClose) means several groups, the thread gets the processors of the group that it is in already.
///   It is told by [`Answer::Narrowed`]. (Since Windows 11 a thread that nobody has bound runs in all groups: such a policy
///   then takes processors from it. Ask for none instead.) [`OneClose`](Self::OneClose) and [`SpreadMessages`](Self::SpreadMessages) choose
///   among the processors of all groups.
/// - An operator restricts a process by its affinity mask: with `start /affinity`, in the Task Manager, by a job. A mask
///   that lacks processors of its group restricts the process to that group. With a whole one, its threads may go to other
///   groups.
///
/// ```
/// use interrupt_lock::Affinity;
/// assert_eq!(Affinity::default(), Affinity::OneClose);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "IRQ_DEVICE_POLICY")]
pub enum Affinity {
    /// The system decides.
    #[doc(alias = "IrqPolicyMachineDefault")]
    #[doc(alias = "WdfIrqPolicyMachineDefault")]
    MachineDefault,
    /// All processors close to the device.
    #[doc(alias = "IrqPolicyAllCloseProcessors")]
    #[doc(alias = "WdfIrqPolicyAllCloseProcessors")]
    AllClose,
    /// One processor close to the device. Each message of a device has the next one.
    #[default]
    #[doc(alias = "IrqPolicyOneCloseProcessor")]
    #[doc(alias = "WdfIrqPolicyOneCloseProcessor")]
    OneClose,
    /// All processors of the machine.
    #[doc(alias = "IrqPolicyAllProcessorsInMachine")]
    #[doc(alias = "WdfIrqPolicyAllProcessorsInMachine")]
    All,
    /// The processors of this set.
    #[doc(alias = "IrqPolicySpecifiedProcessors")]
    #[doc(alias = "WdfIrqPolicySpecifiedProcessors")]
    Specified(ProcessorSet),
    /// Message n has the n-th processor of the machine. After the last processor the first is next.
    #[doc(alias = "IrqPolicySpreadMessagesAcrossAllProcessors")]
    #[doc(alias = "WdfIrqPolicySpreadMessagesAcrossAllProcessors")]
    SpreadMessages,
}

/// How urgently an interrupt is served, for [`Policy::with_priority`].
///
/// In WDF this is the priority of the device's interrupt. Here it is that of the thread that serves it:
///
/// | | on Linux: `SCHED_FIFO`, of 99 | on Windows |
/// |---|---|---|
/// | [`Low`](Self::Low) | 25 | `THREAD_PRIORITY_ABOVE_NORMAL` |
/// | [`Normal`](Self::Normal) | 50, as Linux's own interrupt threads | `THREAD_PRIORITY_HIGHEST` |
/// | [`High`](Self::High) | 75 | `THREAD_PRIORITY_TIME_CRITICAL` |
///
/// On Linux this needs `CAP_SYS_NICE` or `RLIMIT_RTPRIO`. On Windows it needs no right. There it is relative to the
/// priority class of the process, which the crate does not change.
///
/// Such a thread runs before all ordinary threads (on Windows: of processes of the same class). An ISR that does not
/// return, or an open [polling](crate::Polling) window, keeps its processor from them for that time.
///
/// ```
/// use interrupt_lock::Priority;
/// assert_eq!(Priority::default(), Priority::Undefined);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[doc(alias = "IRQ_PRIORITY")]
pub enum Priority {
    /// The system decides: on Linux the thread has the priority of the thread that built the interrupt, on Windows
    /// `THREAD_PRIORITY_NORMAL`.
    #[default]
    #[doc(alias = "IrqPriorityUndefined")]
    #[doc(alias = "WdfIrqPriorityUndefined")]
    Undefined,
    /// Above all ordinary threads.
    #[doc(alias = "IrqPriorityLow")]
    #[doc(alias = "WdfIrqPriorityLow")]
    Low,
    /// Above those of low priority.
    #[doc(alias = "IrqPriorityNormal")]
    #[doc(alias = "WdfIrqPriorityNormal")]
    Normal,
    /// Above those of normal priority.
    #[doc(alias = "IrqPriorityHigh")]
    #[doc(alias = "WdfIrqPriorityHigh")]
    High,
}

impl Priority {
    /// Returns the real-time priority on Linux.
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

/// What became of a [`Policy`] at the last enable or move: what the system took, and what it refused and why.
///
/// ```
/// use interrupt_lock::{Affinity, Answer, Claim, Interrupt, Policy, source::Software};
///
/// let (source, _) = Software::edge();
/// let policy = Policy::new().with_affinity(Affinity::All);
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
    /// The affinity of the line or vector itself. A shared line moves for all devices that share it. On Windows it is
    /// refused.
    pub line: Answer,
    /// The priority of the thread.
    pub priority: Answer,
}

impl PolicyAnswer {
    /// Returns why each part was refused or narrowed.
    ///
    /// ```
    /// assert_eq!(interrupt_lock::PolicyAnswer::default().refusals().count(), 0);
    /// ```
    pub fn refusals(&self) -> impl Iterator<Item = &SourceError> {
        [&self.thread, &self.line, &self.priority].into_iter().filter_map(|answer| match answer {
            Answer::Refused(why) | Answer::Narrowed { why, .. } => Some(why),
            Answer::NotAsked | Answer::Taken => None,
        })
    }
}

/// What became of one part of a [`Policy`].
///
/// ```
/// use interrupt_lock::{Answer, PolicyAnswer};
/// assert_eq!(PolicyAnswer::default().thread, Answer::NotAsked);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The system was not asked: the policy does not say so, or there has been no enable since.
    #[default]
    NotAsked,
    /// The system did what the policy says.
    Taken,
    /// Only some of the processors: an operator has taken the others from the process, they have gone offline, or on
    /// Windows they are in another group. It is the answer too if on Linux neither `/sys` nor `/proc` tells which
    /// processors the machine has.
    Narrowed {
        /// The processors that the thread or the line has now, group by group.
        to: Vec<ProcessorSet>,
        /// Says which were asked for, and which of them are left and which not.
        why: SourceError,
    },
    /// The system refused, or none of the processors may be used. Nothing has changed. This is why.
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
