//! Sets of processors, in Linux's notation and in groups.

use std::{string::String, vec::Vec};

use crate::info::{ProcessorSet, list};
use crate::system::Processors;

/// More processors than groups can have.
pub(super) const TOO_MANY: usize = 64 << 16;

/// Returns the n-th processor of `set`, or all of them. After the last the first is next.
pub(super) fn chosen(set: &Processors, nth: Option<usize>) -> Processors {
    match nth {
        Some(n) => set.iter().copied().nth(n % set.len().max(1)).into_iter().collect(),
        None => set.clone(),
    }
}

/// Writes a set as Linux does: `0-3,8`.
pub(super) fn listed(set: &Processors) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = list(set.iter().copied(), &mut text);
    text
}

/// Reads a set that is written so.
pub(super) fn parse(text: &str) -> Option<Processors> {
    let mut set = Processors::new();
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        set.extend(first..=last.min(TOO_MANY - 1));
    }
    Some(set)
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

    #[test]
    fn sets_are_read_and_written() {
        for text in ["", "0", "0-3,8", "1,3-4,1023-1024,70000"] {
            assert_eq!(listed(&parse(text).unwrap()), text);
        }
        assert!(parse("0-x").is_none());
        assert_eq!(listed(&parse("4194302-99999999").unwrap()), "4194302-4194303");
    }

    /// Message n has the n-th processor, beginning again after the last.
    // Caught: a remainder of the wrong number; the same for all.
    #[test]
    fn p2_messages_have_one_processor_after_the_other() {
        let set = parse("2,5-6").unwrap();
        let have: Vec<_> = (0..5).map(|message| listed(&chosen(&set, Some(message)))).collect();
        assert_eq!(have, ["2", "5", "6", "2", "5"]);
    }

    #[test]
    fn sets_are_told_group_by_group() {
        let set = parse("0,63-64,1024,4194303").unwrap();
        let expected = [(1 << 63 | 1, 0), (1, 1), (1, 16), (1 << 63, u16::MAX)];
        assert_eq!(groups(&set), expected.map(|(mask, group)| ProcessorSet::new(mask).in_group(group)));
    }
}
