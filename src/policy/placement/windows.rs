//! On Windows: the thread's group affinity and its priority (rules P1 and P2). No program can move an interrupt's vector.

use crate::cause::SourceError;
use crate::info::{Info, ProcessorSet};
use crate::policy::placement;
use crate::policy::placement::Target;
use crate::policy::placement::sets::{Processors, chosen, groups};
use crate::policy::placement::wish::Wish;
use crate::policy::{Affinity, Answer, Policy, PolicyAnswer, Priority};
use crate::win32::threads;

pub(crate) use threads::ThreadId;

const LINE: &str = "on Windows a program can't move a line or vector: the device's affinity policy, in the INF of its driver \
                    or in the registry, places it at the next start of the device";

/// Returns those of `set` that the machine does not have. If Windows does not tell which it has, the enable tells.
pub(super) fn missing(set: ProcessorSet) -> Option<ProcessorSet> {
    let machine = numbers(&threads::groups().ok()?);
    placement::missing(set, |number| machine.contains(&number))
}

/// Asks for each part of `policy`, even if the system refuses another part.
pub(crate) fn ask(policy: &Policy, target: &Target<'_>) -> PolicyAnswer {
    let mut answer = PolicyAnswer::default();
    if let Some(affinity) = policy.affinity.filter(|&affinity| affinity != Affinity::MachineDefault) {
        let placed = target.thread.clone().and_then(|thread| place(affinity, target.info, thread));
        answer.thread = placed.unwrap_or_else(Answer::Refused);
        answer.line = Answer::Refused(SourceError::Refused(LINE.into()));
    }
    if let Some(priority) = of_thread(policy.priority) {
        answer.priority = target.thread.clone().and_then(|thread| threads::schedule(thread, priority)).into();
    }
    answer
}

/// Binds the thread to the processors of the policy that the process may use, in one group.
fn place(affinity: Affinity, info: &Info, thread: &ThreadId) -> Result<Answer, SourceError> {
    let (machine, has) = (threads::groups()?, threads::processors(thread)?);
    let all = || Some(numbers(&machine));
    // Windows does not tell whose device a source is, nor so where it is.
    let wish = Wish::of(affinity, info, all, all);
    let usable = wish.usable_of(of_process(&machine, threads::mask_of_process()?, has.group()))?;
    let (left, to) = in_one_group(&usable, wish.nth, has.group());
    threads::bind(thread, to)?;
    let whose = if groups(&usable).len() > 1 { "its thread, in one group at a time," } else { "its thread" };
    Ok(wish.answer(&left, whose))
}

/// Returns the processors that the process may use. `mask` is what `GetProcessAffinityMask` says of the group that its
/// threads are in. If that is less than the whole group, an operator has restricted the process to it; otherwise its
/// threads may go to other groups.
fn of_process(machine: &[ProcessorSet], mask: u64, group: u16) -> Processors {
    let whole = machine.iter().find(|set| set.group() == group).map_or(0, |set| set.mask());
    if mask == 0 || mask == whole {
        numbers(machine)
    } else {
        numbers(&[ProcessorSet::new(mask & whole).in_group(group)])
    }
}

/// Returns those of the processors that a thread can have, and those that it is to be bound to: the n-th of all, or all of
/// one group. That is the group that it is in, or the first that has some.
fn in_one_group(usable: &Processors, nth: Option<usize>, group: u16) -> (Processors, ProcessorSet) {
    let sets = groups(&chosen(usable, nth));
    let own = sets.iter().find(|set| set.group() == group).or(sets.first());
    let set = own.copied().unwrap_or(ProcessorSet::new(0));
    (if nth.is_some() { usable.clone() } else { set.numbers().collect() }, set)
}

fn numbers(sets: &[ProcessorSet]) -> Processors {
    sets.iter().flat_map(|set| set.numbers()).collect()
}

/// Returns the thread's priority, relative to the priority class of the process.
fn of_thread(priority: Priority) -> Option<i32> {
    match priority {
        Priority::Undefined => None,
        Priority::Low => Some(threads::THREAD_PRIORITY_ABOVE_NORMAL),
        Priority::Normal => Some(threads::THREAD_PRIORITY_HIGHEST),
        Priority::High => Some(threads::THREAD_PRIORITY_TIME_CRITICAL),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use std::vec::Vec;

    use super::*;
    use crate::policy::placement::sets::listed;

    /// A machine of two groups, neither of them full.
    fn machine() -> Vec<ProcessorSet> {
        std::vec![ProcessorSet::new(0b1111), ProcessorSet::new(0b1011).in_group(1)]
    }

    /// An operator restricts a process to some of one group. Otherwise its threads may use all groups, also if they do so
    /// already and Windows tells no mask.
    // Caught: a restriction that is not seen; no mask, taken for a restriction; one of a group, taken for one of group 0.
    #[test]
    fn p1_the_process_may_use_its_mask_or_all_groups() {
        let may = |mask, group| listed(&of_process(&machine(), mask, group));
        assert_eq!(may(0b1111, 0), "0-3,1:0-1,1:3");
        assert_eq!(may(0b1011, 1), "0-3,1:0-1,1:3");
        assert_eq!(may(0, 1), "0-3,1:0-1,1:3");
        assert_eq!(may(0b0110, 0), "1-2");
        assert_eq!(may(0b1000, 1), "1:3");
        assert_eq!(may(0b1011, 0), "0-1,3");
    }

    /// Of several groups the thread has the one that it is in. One processor is chosen among those of all groups.
    // Caught: the first group always; a choice within a group; "taken" for what is in another group.
    #[test]
    fn p1_a_thread_is_in_one_group_at_a_time() {
        let all = numbers(&machine());
        for (group, set) in [(0, machine()[0]), (1, machine()[1]), (2, machine()[0])] {
            let (left, to) = in_one_group(&all, None, group);
            assert_eq!((to, left), (set, numbers(&[set])));
        }
        for (n, set) in [(3, "3"), (4, "1:0"), (6, "1:3"), (7, "0")] {
            let (left, to) = in_one_group(&all, Some(n), 0);
            assert_eq!((to.to_string().as_str(), left), (set, all.clone()));
        }
        let wish = Wish::of(Affinity::All, &Info::new(), || Some(all.clone()), || None);
        let (left, _) = in_one_group(&all, None, 1);
        let Answer::Narrowed { to, why } = wish.answer(&left, "it") else { panic!() };
        assert_eq!(to, [machine()[1]]);
        assert_eq!(why.to_string(), "of processors 0-3,1:0-1,1:3 it may have 1:0-1,1:3, and not 0-3");
    }
}
