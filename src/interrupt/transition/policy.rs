//! The policy of an interrupt, for which each enable asks the system (rules P1 and P2).

use alloc::boxed::Box;

use crate::cause::SourceError;
use crate::interrupt::InterruptObject;
use crate::observe::events;
use crate::policy::placement;
use crate::policy::placement::Target;
use crate::policy::{Answer, Policy, PolicyAnswer};
use crate::source::Source;

/// A policy, and what became of it at the last enable.
pub(in crate::interrupt) struct RequestedPolicy {
    policy: Policy,
    answer: PolicyAnswer,
}

impl<T, W> InterruptObject<T, W> {
    /// Returns the policy that the interrupt was built with ([rule P1](crate::guide::contract#p1)). Never waits for the
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

    /// Returns what became of the [policy](Self::policy) at the last enable: what the system took, and what it refused
    /// and why ([rule P2](crate::guide::contract#p2)).
    ///
    /// A thread gets processors and a priority only if it serves this interrupt and no other. So they are refused if
    /// the driver gave the builder a dispatcher, and if the interrupt has none. Never waits for the interrupt lock.
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

    /// Asks the system for what the policy says. The source is connected.
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
            // The processors in `info` are others now.
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
