//! Sets of processors: in the system's notation, and in groups.

use std::{string::String, vec::Vec};

use alloc::collections::BTreeSet;

use crate::info::{ProcessorSet, list};

/// Numbers of processors: processor n of group g has the number 64 g + n.
pub(super) type Processors = BTreeSet<usize>;

/// Returns the n-th processor of `set`, or all of them. After the last the first is next.
pub(super) fn chosen(set: &Processors, nth: Option<usize>) -> Processors {
    match nth {
        Some(n) => set.iter().copied().nth(n % set.len().max(1)).into_iter().collect(),
        None => set.clone(),
    }
}

/// Writes a set as the system does: `0-3,8`.
pub(super) fn listed(set: &Processors) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = list(set.iter().copied(), &mut text);
    text
}

/// Returns a set group by group.
pub(super) fn groups(set: &Processors) -> Vec<ProcessorSet> {
    let mut groups: Vec<ProcessorSet> = Vec::new();
    for &number in set {
        let Ok(group) = u16::try_from(number / 64) else { break };
        let mask = 1 << (number % 64);
        match groups.last_mut() {
            Some(last) if last.group() == group => *last = ProcessorSet::new(last.mask() | mask).in_group(group),
            _ => groups.push(ProcessorSet::new(mask).in_group(group)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux numbers its processors; on Windows a processor has a number in its group.
    // Caught: a range that goes on from one group to the next; a number that is not the group's.
    #[test]
    fn sets_are_written_as_the_system_does() {
        let set = [0, 1, 3, 62, 63, 64, 130].into();
        assert_eq!(listed(&set), if cfg!(windows) { "0-1,3,62-63,1:0,2:2" } else { "0-1,3,62-64,130" });
    }

    /// Message n has the n-th processor, beginning again after the last.
    // Caught: a remainder of the wrong number; the same for all.
    #[test]
    fn p2_messages_have_one_processor_after_the_other() {
        let set = [2, 5, 6].into();
        let have: Vec<_> = (0..5).map(|message| listed(&chosen(&set, Some(message)))).collect();
        assert_eq!(have, ["2", "5", "6", "2", "5"]);
    }

    #[test]
    fn sets_are_told_group_by_group() {
        let set = [0, 63, 64, 1024, 4_194_303].into();
        let expected = [(1 << 63 | 1, 0), (1, 1), (1, 16), (1 << 63, u16::MAX)];
        assert_eq!(groups(&set), expected.map(|(mask, group)| ProcessorSet::new(mask).in_group(group)));
    }
}
