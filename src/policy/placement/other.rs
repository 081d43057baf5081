//! Where nothing is known of how to ask.

use crate::policy::placement::Served;
use crate::{Affinity, Answer, Policy, PolicyAnswer, Priority, ProcessorSet, SourceError};

/// A thread that can't be asked for anything.
#[derive(Clone, Copy)]
pub(crate) struct Thread;

impl Thread {
    pub(crate) fn current() -> Self {
        Self
    }
}

/// Those of `set` that the machine does not have, as far as the standard library knows it.
pub(super) fn missing(set: ProcessorSet) -> Option<ProcessorSet> {
    let count = std::thread::available_parallelism().map_or(64, |count| count.get());
    super::missing(set, |number| number < count)
}

/// Refuses all that `policy` asks for.
pub(crate) fn ask(policy: &Policy, served: &Served<'_>) -> PolicyAnswer {
    let _ = served.info;
    let refused = || match &served.thread {
        Ok(_) => Answer::Refused(SourceError::Refused("it can't be asked for on this system".into())),
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
