//! On other systems than Linux, and in loom models: every request is refused.

use crate::cause::SourceError;
use crate::info::ProcessorSet;
use crate::policy::placement::Target;
use crate::policy::{Affinity, Answer, Policy, PolicyAnswer, Priority};

#[cfg(not(loom))]
const REFUSAL: &str = "it can't be asked for on this system";
#[cfg(loom)]
const REFUSAL: &str = "a loom model has no threads or lines that could be placed";

/// A thread. Nothing can be asked of it here.
#[derive(Clone, Copy)]
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
