//! The policy of an interrupt, for which each enable and each move asks the system (rules P1, P2 and P5).

use alloc::boxed::Box;

use crate::cause::SourceError;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::interrupt::{InterruptObject, Registered};
use crate::observe::events;
use crate::policy::placement;
use crate::policy::placement::Target;
use crate::policy::{Affinity, Answer, Policy, PolicyAnswer};
use crate::source::Source;

/// A policy, and what became of it at the last enable or move.
#[derive(Clone)]
pub(in crate::interrupt) struct RequestedPolicy {
    policy: Policy,
    answer: PolicyAnswer,
}

impl<T, W> InterruptObject<T, W> {
    /// Returns the policy that the interrupt was built with ([rule P1](crate::guide::contract#p1)), with the affinity that
    /// it was last [moved to](Self::move_to). Never waits for the interrupt lock.
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
        self.requested_policy().map_or(Policy::new(), |requested| requested.policy)
    }

    /// Returns what became of the [policy](Self::policy) at the last enable or [move](Self::move_to): what the system took,
    /// and what it refused and why ([rule P2](crate::guide::contract#p2)).
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
        self.requested_policy().map_or_else(PolicyAnswer::default, |requested| requested.answer)
    }

    pub(crate) fn note_policy(&self, policy: Policy) {
        if policy != Policy::new() {
            self.keep_policy(policy, PolicyAnswer::default());
        }
    }

    fn requested_policy(&self) -> Option<RequestedPolicy> {
        self.notes.lock().rare.as_ref()?.policy.as_deref().cloned()
    }

    fn keep_policy(&self, policy: Policy, answer: PolicyAnswer) {
        self.notes.lock().rare().policy = Some(Box::new(RequestedPolicy { policy, answer }));
    }

    /// Moves the interrupt to other processors while it runs ([rule P5](crate::guide::contract#p5)), for example away from
    /// a processor that has other work to do.
    ///
    /// From now on `affinity` is the affinity of the interrupt's [policy](Self::policy). If the interrupt is connected,
    /// this asks the system for it at once, for the serving thread and for the line, exactly as an enable does. Otherwise
    /// the next enable asks. The interrupt stays connected and enabled, no callback runs, and no assertion is lost: one
    /// that comes meanwhile is delivered right after the move.
    ///
    /// Returns what became of the policy, as [`policy_answer`](Self::policy_answer) does. If the system refuses, the
    /// interrupt goes on where it is. The thread of a dispatcher that the driver gave serves other interrupts too and does
    /// not move; the line does. [`Affinity::MachineDefault`] asks the system for nothing: the interrupt stays where it is
    /// until somebody else moves it.
    ///
    /// It waits for the interrupt lock, which it holds while it asks, and for another transition.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NoProcessors`], [`ErrorKind::NoSuchProcessors`]: as for [`build`](crate::Builder::build).
    /// - [`ErrorKind::WouldDeadlock`]: as for [`enable`](Self::enable).
    /// - [`ErrorKind::Removed`]: the device has gone.
    /// - [`ErrorKind::Ended`]: the handle has been dropped.
    /// - [`ErrorKind::Faulted`]: the source panicked, and this has faulted the interrupt. After all other errors nothing has
    ///   been done.
    ///
    /// # Examples
    ///
    /// ```
    /// use interrupt_lock::{Affinity, Answer, Claim, Interrupt, ProcessorSet, source::Software};
    ///
    /// let (source, _line) = Software::edge();
    /// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build()?;
    /// interrupt.enable()?;
    /// let answer = interrupt.move_to(Affinity::Specified(ProcessorSet::new(0b1)))?;
    /// match answer.thread {
    ///     Answer::Taken => println!("its thread runs on processor 0"),
    ///     other => println!("its thread stays where it was: {other:?}"), // `taskset` keeps processor 0 from it
    /// }
    /// # Ok::<(), interrupt_lock::Error>(())
    /// ```
    #[doc(alias = "WdfInterruptSetPolicy")]
    #[doc(alias = "WdfInterruptSetExtendedPolicy")]
    #[doc(alias = "irq_set_affinity")]
    pub fn move_to(&self, affinity: Affinity) -> Result<PolicyAnswer, Error> {
        let transition = self.begin()?;
        let _lock = transition.lock()?;
        self.is_still_there()?;
        self.change_policy(affinity)?;
        if self.state.in_service() {
            let ask = |registered: &mut Registered<T, W>| {
                self.with_source(registered, |registered| self.ask_for_policy(registered.source.as_deref()))
            };
            // SAFETY: this thread holds the lock, and is in no callback of this interrupt: there `begin` refuses.
            unsafe { self.registered.with(ask) }?;
        }
        Ok(self.policy_answer())
    }

    /// Gives the policy another affinity, for which nothing has been asked yet.
    fn change_policy(&self, affinity: Affinity) -> Result<(), Error> {
        let policy = self.policy().with_affinity(affinity);
        placement::check(&policy, self.name())?;
        let answer = PolicyAnswer { thread: Answer::NotAsked, line: Answer::NotAsked, ..self.policy_answer() };
        self.keep_policy(policy, answer);
        Ok(())
    }

    /// Asks the system for what the policy says. The source is connected, if there is one.
    pub(in crate::interrupt) fn ask_for_policy(&self, source: Option<&dyn Source>) {
        let (policy, info) = {
            let notes = self.notes.lock();
            match notes.rare.as_ref().and_then(|rare| rare.policy.as_ref()) {
                Some(requested) if !requested.policy.asks_nothing() => (requested.policy, notes.info.clone()),
                _ => return,
            }
        };
        let no_thread = || Err(SourceError::Refused("it has no dispatcher, and so no thread of its own".into()));
        let answer = placement::ask(
            &policy,
            &Target {
                thread: self.dispatch().map_or_else(no_thread, |dispatch| dispatch.own_thread()),
                #[cfg(target_os = "linux")]
                sysfs: source.and_then(Source::sysfs),
                info: &info,
            },
        );
        if let Some(source) = source
            && matches!(answer.line, Answer::Taken | Answer::Narrowed { .. })
        {
            // The processors in `info` are others now.
            self.note(source.info());
        }
        for why in answer.refusals() {
            events::refused(self.name(), why);
        }
        if let Some(requested) = &mut self.notes.lock().rare().policy {
            requested.answer = answer;
        }
    }
}
