//! What the system is asked for at each enable (rules P1 and P2).

use alloc::boxed::Box;

use crate::interrupt::InterruptObject;
use crate::observe::events;
use crate::policy::placement;
use crate::policy::placement::Target;
use crate::source::Source;
use crate::{Answer, Policy, PolicyAnswer, SourceError};

/// A policy, and the system's last answer.
pub(in crate::interrupt) struct RequestedPolicy {
    policy: Policy,
    answer: PolicyAnswer,
}

impl<T, W> InterruptObject<T, W> {
    /// The policy that the interrupt was built with ([rule P1](crate::guide::contract#p1)). Never waits for the
    /// interrupt lock.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Claim, Interrupt, Policy};
    ///
    /// let policy = Policy::new().with_affinity(Affinity::All);
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(policy).build()?;
    /// assert_eq!(interrupt.policy(), policy);
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    pub fn policy(&self) -> Policy {
        self.notes.lock().policy.as_ref().map_or(Policy::new(), |requested| requested.policy)
    }

    /// What the system answered to the [policy](Self::policy) at the last enable ([rule
    /// P2](crate::guide::contract#p2)): what it took, and what it refused and why. Never waits for the interrupt lock.
    ///
    /// A thread can be bound, or made a real-time one, only where it serves this interrupt alone: a dispatcher that was
    /// given to the builder refuses, and so does an interrupt without one.
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Answer, Claim, Dispatcher, Interrupt, Policy, source::Software};
    ///
    /// let (source, _) = Software::edge();
    /// let interrupt = Interrupt::builder(())
    ///     .isr(|_| Claim::Claimed)
    ///     .source(source)
    ///     .dispatcher(&Dispatcher::new()?)
    ///     .policy(Policy::new().with_affinity(Affinity::All))
    ///     .build()?;
    /// interrupt.enable()?;
    /// assert!(matches!(interrupt.policy_answer().thread, Answer::Refused(_)));
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[must_use]
    pub fn policy_answer(&self) -> PolicyAnswer {
        self.notes.lock().policy.as_ref().map_or_else(PolicyAnswer::default, |requested| requested.answer.clone())
    }

    pub(crate) fn note_policy(&self, policy: Policy) {
        if policy != Policy::new() {
            self.notes.lock().policy = Some(Box::new(RequestedPolicy { policy, answer: PolicyAnswer::default() }));
        }
    }

    /// Asks for what the policy says, for a source that is connected.
    pub(in crate::interrupt) fn ask_for_policy(&self, source: &dyn Source) {
        let (policy, info) = {
            let notes = self.notes.lock();
            match &notes.policy {
                Some(requested) if !requested.policy.asks_nothing() => (requested.policy, notes.info.clone()),
                _ => return,
            }
        };
        let no_thread = || Err(SourceError::Refused("it has no dispatcher, and so no thread of its own".into()));
        let answer = placement::ask(
            &policy,
            &Target {
                thread: self.dispatch.as_ref().map_or_else(no_thread, |dispatch| dispatch.own_thread()),
                #[cfg(target_os = "linux")]
                sysfs: source.sysfs(),
                info: &info,
            },
        );
        if answer.line == Answer::Taken {
            // Its processors are others now.
            self.note(source.info());
        }
        for why in answer.refusals() {
            events::refused(self.name(), why);
        }
        if let Some(requested) = &mut self.notes.lock().policy {
            requested.answer = answer;
        }
    }
}
