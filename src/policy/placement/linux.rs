//! On Linux: the thread's affinity and `SCHED_FIFO`, and the vector's affinity through `/proc/irq`.

use std::{format, path::Path, string::String};

use crate::cause::SourceError;
use crate::info::{ProcessorSet, list};
use crate::policy::placement::Target;
use crate::policy::{Affinity, Policy, PolicyAnswer};
use crate::system;
use crate::system::{Processors, failed, refused};

pub(crate) use system::ThreadId;

/// Returns those of `set` that the machine does not have.
pub(super) fn missing(set: ProcessorSet) -> Option<ProcessorSet> {
    let machine = processors_in("/sys/devices/system/cpu/present").unwrap_or_else(of_this_thread);
    super::missing(set, |number| number < Processors::MAX_CPU && machine.is_set(number))
}

/// Asks for each part of `policy`, even if the system refuses another part.
pub(crate) fn ask(policy: &Policy, target: &Target<'_>) -> PolicyAnswer {
    let mut answer = PolicyAnswer::default();
    let thread = || target.thread.clone();
    if let Some(asked) = policy.affinity.and_then(|affinity| processors(affinity, target)) {
        answer.thread = thread().and_then(|thread| bind(thread, &asked)).into();
        answer.line = direct(Path::new("/proc/irq"), target.info.vector, &asked).into();
    }
    if let Some(priority) = policy.priority.real_time() {
        answer.priority = thread().and_then(|thread| schedule(thread, priority)).into();
    }
    answer
}

/// Returns the processors that `affinity` stands for at this moment, or `None` if the system decides.
fn processors(affinity: Affinity, target: &Target<'_>) -> Option<Processors> {
    let message = target.info.message_number.unwrap_or(0) as usize;
    match affinity {
        Affinity::MachineDefault => None,
        Affinity::All => Some(online()),
        Affinity::AllClose => Some(close(target.sysfs.as_deref())),
        Affinity::OneClose => Some(one_of(&close(target.sysfs.as_deref()), message)),
        Affinity::SpreadMessages => Some(one_of(&online(), message)),
        Affinity::Specified(set) => {
            let mut asked = Processors::new();
            // The machine has them all, so none is beyond a `Processors`.
            set.numbers().for_each(|number| asked.set(number));
            Some(asked)
        }
    }
}

fn online() -> Processors {
    processors_in("/sys/devices/system/cpu/online").unwrap_or_else(of_this_thread)
}

/// The processors of the calling thread, for a program that can't see sysfs.
fn of_this_thread() -> Processors {
    system::processors(None).unwrap_or_default()
}

/// Returns the processors of the device's NUMA node, or all if the node isn't known.
fn close(sysfs: Option<&Path>) -> Processors {
    let online = online();
    let Some(mut close) = sysfs.and_then(|sysfs| processors_in(sysfs.join("local_cpulist"))) else { return online };
    (0..Processors::MAX_CPU).filter(|&number| !online.is_set(number)).for_each(|number| close.unset(number));
    if close.count() == 0 { online } else { close }
}

/// Returns the n-th processor of `set`. After the last the first is next.
fn one_of(set: &Processors, n: usize) -> Processors {
    let count = (set.count() as usize).max(1);
    let mut one = Processors::new();
    numbers(set).nth(n % count).into_iter().for_each(|number| one.set(number));
    one
}

fn bind(thread: ThreadId, asked: &Processors) -> Result<(), SourceError> {
    system::bind(thread, asked).map_err(failed(format!("binding its thread to processors {}", listed(asked))))?;
    // The system silently reduces the set to what the container may use.
    match system::processors(Some(thread)) {
        Ok(given) if given != *asked => {
            Err(refused(format!("of processors {} its thread may have only {}", listed(asked), listed(&given))))
        }
        _ => Ok(()),
    }
}

/// Has the vector delivered to those processors. A line moves for all devices that share it.
fn direct(irqs: &Path, vector: Option<u32>, asked: &Processors) -> Result<(), SourceError> {
    let Some(vector) = vector else {
        return Err(refused("the system tells no number of its line, so only its thread can be bound"));
    };
    let path = irqs.join(format!("{vector}/smp_affinity_list"));
    system::write_text(&path, &listed(asked)).map_err(failed(format!(
        "writing {} to {}",
        listed(asked),
        path.display()
    )))
}

fn schedule(thread: ThreadId, priority: i32) -> Result<(), SourceError> {
    system::schedule(thread, priority).map_err(failed(format!("giving its thread the real-time priority {priority}")))
}

fn numbers(set: &Processors) -> impl Iterator<Item = usize> + '_ {
    (0..Processors::MAX_CPU).filter(|&number| set.is_set(number))
}

/// Writes a set as Linux does.
fn listed(set: &Processors) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = list(numbers(set), &mut text);
    text
}

/// Reads the set in a file of sysfs, such as `0-3,8`. Returns `None` if there is none.
fn processors_in(path: impl AsRef<Path>) -> Option<Processors> {
    parse(&system::attribute(path)?).filter(|set| set.count() != 0)
}

fn parse(text: &str) -> Option<Processors> {
    let mut set = Processors::new();
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        (first..=last.min(Processors::MAX_CPU - 1)).for_each(|number| set.set(number));
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use std::fs;

    use super::*;

    #[test]
    fn sets_are_read_and_written() {
        for text in ["", "0", "0-3,8", "1,3-4,1023"] {
            assert_eq!(listed(&parse(text).unwrap()), text);
        }
        assert!(parse("0-x").is_none());
        assert_eq!(listed(&parse("1022-5000").unwrap()), "1022-1023");
    }

    /// Message n has the n-th processor, beginning again after the last.
    // Caught: a remainder of the wrong number; the same for all.
    #[test]
    fn p2_messages_have_one_processor_after_the_other() {
        let set = parse("2,5-6").unwrap();
        let have: std::vec::Vec<_> = (0..5).map(|message| listed(&one_of(&set, message))).collect();
        assert_eq!(have, ["2", "5", "6", "2", "5"]);
    }

    /// The vector's own file has the set, in the system's notation.
    // Caught: the file of another number; a mask instead of a list; a refusal that is not told.
    #[test]
    fn p2_the_vector_is_directed_through_its_file() {
        let irqs = std::env::temp_dir().join(format!("interrupt-lock-irq-{}", std::process::id()));
        fs::create_dir_all(irqs.join("24")).unwrap();
        fs::write(irqs.join("24/smp_affinity_list"), "").unwrap();
        assert_eq!(direct(&irqs, Some(24), &parse("1-2,9").unwrap()), Ok(()));
        assert_eq!(fs::read_to_string(irqs.join("24/smp_affinity_list")).unwrap(), "1-2,9");
        assert!(
            direct(&irqs, Some(25), &parse("1").unwrap()).unwrap_err().to_string().contains("25/smp_affinity_list")
        );
        assert!(direct(&irqs, None, &parse("1").unwrap()).is_err());
        fs::remove_dir_all(&irqs).unwrap();
    }

    /// The device's node, if that has processors at all.
    // Caught: all of the machine, whatever sysfs says; none, where it says nothing.
    #[test]
    fn p2_close_are_those_of_the_devices_node() {
        let dir = std::env::temp_dir().join(format!("interrupt-lock-close-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let last = numbers(&online()).last().unwrap();
        fs::write(dir.join("local_cpulist"), format!("{last},1023\n")).unwrap();
        assert_eq!(listed(&close(Some(&dir))), last.to_string());
        // A node without processors, and one whose processors are off.
        for none in ["\n", "1023\n"] {
            fs::write(dir.join("local_cpulist"), none).unwrap();
            assert_eq!(close(Some(&dir)), online());
        }
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(close(Some(&dir)), online());
        assert_eq!(close(None), online());
    }
}
