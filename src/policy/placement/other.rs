//! On other systems than Linux and Windows, and in loom models: every request is refused.

use crate::cause::SourceError;
use crate::info::ProcessorSet;
use crate::policy::placement::Target;
use crate::policy::{Affinity, Answer, Policy, PolicyAnswer, Priority};

#[cfg(not(loom))]
const REFUSAL: &str = "it can't be asked for on this system";
#[cfg(loom)]
const REFUSAL: &str = "a loom model has no threads or lines that could be placed";

/// A thread. Nothing can be asked of it here.
pub(crate) struct ThreadId;

impl ThreadId {
    pub(crate) fn current() -> Self {
        Self
    }
}

/// Returns those of `set` that the machine does not have, as far as the standard library knows.
pub(super) fn missing(set: ProcessorSet) -> Option<ProcessorSet> {
    let count = std::thread::available_parallelism().map_or(64, |count| count.get());
    super::missing(set, |number| number < count)
}

/// Refuses all that `policy` asks for.
pub(crate) fn ask(policy: &Policy, target: &Target<'_>) -> PolicyAnswer {
    let _ = target.info;
    let refused = || match &target.thread {
        Ok(_) => Answer::Refused(SourceError::Refused(REFUSAL.into())),
        Err(why) => Answer::Refused(why.clone()),
    };
    let mut answer = PolicyAnswer::default();
    if !matches!(policy.affinity, None | Some(Affinity::MachineDefault)) {
        answer.thread = refused();
        answer.line = refused();
    }
    if policy.priority != Priority::Undefined {
        answer.priority = refused();
    }
    answer
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::info::Info;

    fn asked(policy: Policy) -> PolicyAnswer {
        let info = Info::new();
        let thread = crate::policy::placement::ThreadId::current();
        ask(
            &policy,
            &Target {
                thread: Ok(&thread),
                #[cfg(target_os = "linux")]
                sysfs: None,
                info: &info,
            },
        )
    }

    // Caught: what was not asked for, told as refused; a request that is forgotten.
    #[test]
    fn p2_elsewhere_what_is_asked_for_is_refused_and_nothing_else() {
        assert_eq!(asked(Policy::new()), PolicyAnswer::default());
        assert_eq!(asked(Policy::new().with_affinity(Affinity::MachineDefault)), PolicyAnswer::default());
        let refused = Answer::Refused(SourceError::Refused(REFUSAL.into()));
        let affinity = asked(Policy::new().with_affinity(Affinity::All));
        assert_eq!((&affinity.thread, &affinity.line), (&refused, &refused));
        assert_eq!(affinity.priority, PolicyAnswer::default().priority);
        let priority = asked(Policy::new().with_priority(Priority::High));
        assert_eq!(priority, PolicyAnswer { priority: refused, ..PolicyAnswer::default() });
    }

    // Caught: all processors that there could be.
    #[test]
    fn p1_elsewhere_processors_are_counted() {
        assert_eq!(missing(ProcessorSet::new(1)), None);
        let far = ProcessorSet::new(1 << 5).in_group(1023);
        assert_eq!(missing(far), Some(far));
    }
}
