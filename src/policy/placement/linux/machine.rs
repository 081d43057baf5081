//! The processors of the machine, and those close to a device (rule P1). A processor that is offline is none.

use std::path::Path;

use crate::info::ProcessorSet;
use crate::policy::placement;
use crate::system;
use crate::system::Processors;

/// More processors than groups can have.
const TOO_MANY: usize = 64 << 16;

/// Returns those of `set` that the machine does not have. If nothing tells which it has, these are the ones that its kernel
/// has no room for: of the others the enable tells.
pub(in crate::policy::placement) fn missing(set: ProcessorSet) -> Option<ProcessorSet> {
    match machine() {
        Some(machine) => placement::missing(set, |number| machine.contains(&number)),
        None => {
            let above_all = system::above_all_processors().unwrap_or(TOO_MANY);
            placement::missing(set, |number| number < above_all)
        }
    }
}

/// Returns the processors of the machine, or `None` if nothing tells.
pub(super) fn machine() -> Option<Processors> {
    machine_by("/sys/devices/system/cpu/online", "/proc/stat")
}

fn machine_by(online: impl AsRef<Path>, stat: impl AsRef<Path>) -> Option<Processors> {
    let known = |set: &Processors| !set.is_empty();
    let by_sysfs = system::attribute(online).and_then(|list| parse(&list)).filter(known);
    by_sysfs.or_else(|| system::attribute(stat).map(|stat| counted(&stat)).filter(known))
}

/// Returns the processors that have a line of their own, `cpu12 10132 343 …`: those that are online.
fn counted(stat: &str) -> Processors {
    let number = |line: &str| line.strip_prefix("cpu")?.split(' ').next()?.parse().ok();
    stat.lines().filter_map(number).filter(|&number| number < TOO_MANY).collect()
}

/// Reads a set as Linux writes it: `0-3,8`.
fn parse(text: &str) -> Option<Processors> {
    let mut set = Processors::new();
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        set.extend(first..=last.min(TOO_MANY - 1));
    }
    Some(set)
}

/// Returns the processors of the device's NUMA node, or all of the machine if the node isn't known.
pub(super) fn close(sysfs: Option<&Path>) -> Option<Processors> {
    let machine = machine()?;
    let node = sysfs.and_then(|sysfs| parse(&system::attribute(sysfs.join("local_cpulist"))?)).unwrap_or_default();
    let close = &node & &machine;
    Some(if close.is_empty() { machine } else { close })
}

#[cfg(test)]
mod tests {
    use std::{format, fs};

    use super::*;
    use crate::policy::placement::sets::listed;

    #[test]
    fn sets_are_read_and_written() {
        for text in ["", "0", "0-3,8", "1,3-4,1023-1024,70000"] {
            assert_eq!(listed(&parse(text).unwrap()), text);
        }
        assert!(parse("0-x").is_none());
        assert_eq!(listed(&parse("4194302-99999999").unwrap()), "4194302-4194303");
    }

    /// Sysfs tells which processors there are; without it proc does; without both, nothing.
    // Caught: the caller's processors where nothing tells; the line of all, "cpu", as a processor.
    #[test]
    fn p1_the_machines_processors_are_told_by_sysfs_or_by_proc() {
        let dir = std::env::temp_dir().join(format!("interrupt-lock-machine-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (online, stat) = (dir.join("online"), dir.join("stat"));
        assert_eq!(machine_by(&online, &stat), None);
        fs::write(&stat, "cpu  9 8 7\ncpu2 4 4 3\ncpu1500 5 4 4\nintr 33 0 1\nctxt 5\n").unwrap();
        assert_eq!(machine_by(&online, &stat), Some([2, 1500].into()));
        fs::write(&online, "\n").unwrap();
        assert_eq!(machine_by(&online, &stat), Some([2, 1500].into()));
        fs::write(&online, "0,2-3\n").unwrap();
        assert_eq!(machine_by(&online, &stat), Some([0, 2, 3].into()));
        fs::remove_dir_all(&dir).unwrap();
        // Here they say the same, if there are both.
        let [by_sysfs, by_proc] =
            [machine_by("/sys/devices/system/cpu/online", "/none"), machine_by("/none", "/proc/stat")];
        assert!(by_sysfs.is_none() || by_proc.is_none() || by_sysfs == by_proc);
    }

    /// The device's node, if that has processors at all.
    // Caught: all of the machine, whatever sysfs says; none, where it says nothing.
    #[test]
    fn p2_close_are_those_of_the_devices_node() {
        let Some(machine) = machine() else { return };
        let dir = std::env::temp_dir().join(format!("interrupt-lock-close-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let last = *machine.last().unwrap();
        fs::write(dir.join("local_cpulist"), format!("{last},9000\n")).unwrap();
        assert_eq!(close(Some(&dir)), Some([last].into()));
        // A node without processors, and one whose processors are off.
        for none in ["\n", "9000\n"] {
            fs::write(dir.join("local_cpulist"), none).unwrap();
            assert_eq!(close(Some(&dir)), Some(machine.clone()));
        }
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(close(Some(&dir)), Some(machine.clone()));
        assert_eq!(close(None), Some(machine));
    }
}
