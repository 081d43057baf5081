//! On Linux: the thread's affinity and `SCHED_FIFO`, and the vector's affinity through `/proc/irq`.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | what the system is asked for | P1, P2 |
//! | `machine` | the processors of the machine, and those close to a device | P1 |

mod machine;

use std::{format, path::Path};

use crate::cause::SourceError;
use crate::policy::placement::Target;
use crate::policy::placement::linux::machine::{close, machine};
use crate::policy::placement::sets::{chosen, listed};
use crate::policy::placement::wish::Wish;
use crate::policy::{Affinity, Answer, Policy, PolicyAnswer};
use crate::system;
use crate::system::{Processors, failed, refused};

pub(super) use machine::missing;
pub(crate) use system::ThreadId;

/// Asks for each part of `policy`, even if the system refuses another part.
pub(crate) fn ask(policy: &Policy, target: &Target<'_>) -> PolicyAnswer {
    let mut answer = PolicyAnswer::default();
    if let Some(affinity) = policy.affinity.filter(|&affinity| affinity != Affinity::MachineDefault) {
        (answer.thread, answer.line) = match place(affinity, target) {
            Ok(answers) => answers,
            Err(why) => (Answer::Refused(why.clone()), Answer::Refused(why)),
        };
    }
    if let Some(priority) = policy.priority.real_time() {
        answer.priority = target.thread.clone().and_then(|&thread| schedule(thread, priority)).into();
    }
    answer
}

/// Asks for the thread's processors, and then for the same for the line. Neither gets processors that the process may not
/// use. Where its own thread may not run, the line is not sent either: that is an error for both.
fn place(affinity: Affinity, target: &Target<'_>) -> Result<(Answer, Answer), SourceError> {
    let wish = Wish::of(affinity, target.info, machine, || close(target.sysfs.as_deref()));
    let may = system::processors_of_process().map_err(failed("reading which processors the process may use"))?;
    let usable = wish.usable_of(may)?;
    let (thread, usable) = match target.thread.clone() {
        Ok(&thread) => {
            let left = bind(thread, &usable, wish.nth)?;
            (wish.answer(&left, "its thread"), left)
        }
        Err(no_thread) => (Answer::Refused(no_thread), usable),
    };
    let line = match direct(Path::new("/proc/irq"), target.info.vector, &chosen(&usable, wish.nth)) {
        Ok(()) => wish.answer(&usable, "its line"),
        Err(why) => Answer::Refused(why),
    };
    Ok((thread, line))
}

/// Binds a thread to a set, or to the n-th processor of it. Returns what the system leaves of the set, without what a
/// cpuset takes away and what has gone offline.
fn bind(thread: ThreadId, set: &Processors, nth: Option<usize>) -> Result<Processors, SourceError> {
    let bind = |to: &Processors| {
        system::bind(thread, to).map_err(|failure| {
            let has = system::processors(thread).unwrap_or_default();
            failed(format!("binding its thread to processors {} (it has {})", listed(to), listed(&has)))(failure)
        })
    };
    bind(set)?;
    let left = system::processors(thread).map_err(failed("reading which processors its thread has"))?;
    let chosen = chosen(&left, nth);
    if chosen != left {
        bind(&chosen)?;
    }
    Ok(left)
}

/// Has the vector delivered to those processors. A line moves for all devices that share it.
fn direct(irqs: &Path, vector: Option<u32>, to: &Processors) -> Result<(), SourceError> {
    let Some(vector) = vector else {
        return Err(refused("the system tells no number of its line, so only its thread can be bound"));
    };
    let path = irqs.join(format!("{vector}/smp_affinity_list"));
    system::write_text(&path, &listed(to)).map_err(failed(format!("writing {} to {}", listed(to), path.display())))
}

fn schedule(thread: ThreadId, priority: i32) -> Result<(), SourceError> {
    system::schedule(thread, priority).map_err(failed(format!("giving its thread the real-time priority {priority}")))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use std::fs;

    use super::*;

    /// The vector's own file has the set, in the system's notation.
    // Caught: the file of another number; a mask instead of a list; a refusal that is not told.
    #[test]
    fn p2_the_vector_is_directed_through_its_file() {
        let irqs = std::env::temp_dir().join(format!("interrupt-lock-irq-{}", std::process::id()));
        fs::create_dir_all(irqs.join("24")).unwrap();
        fs::write(irqs.join("24/smp_affinity_list"), "").unwrap();
        assert_eq!(direct(&irqs, Some(24), &[1, 2, 9].into()), Ok(()));
        assert_eq!(fs::read_to_string(irqs.join("24/smp_affinity_list")).unwrap(), "1-2,9");
        assert!(direct(&irqs, Some(25), &[1].into()).unwrap_err().to_string().contains("25/smp_affinity_list"));
        assert!(direct(&irqs, None, &[1].into()).is_err());
        fs::remove_dir_all(&irqs).unwrap();
    }

    /// One of several is chosen among those that the system leaves: a cpuset, or a processor that has gone offline, does
    /// not make a choice fail. (The kernel answers for the processors that this machine does not have as for those.)
    // Caught: a choice before the system has answered.
    #[test]
    fn p1_one_is_chosen_of_what_the_system_leaves() {
        std::thread::spawn(|| {
            let me = ThreadId::current();
            let has = system::processors(me).unwrap();
            let more: Processors = has.iter().copied().chain([9000, 70_000]).collect();
            for n in 0..2 * more.len() {
                assert_eq!(bind(me, &more, Some(n)).unwrap(), has);
                let one = *has.iter().nth(n % has.len()).unwrap();
                assert_eq!(system::processors(me).unwrap(), [one].into());
            }
            assert_eq!(bind(me, &more, None).unwrap(), has);
            let error = bind(me, &[9000].into(), None).unwrap_err().to_string();
            assert!(error.contains(&format!("to processors 9000 (it has {})", listed(&has))), "{error}");
        })
        .join()
        .unwrap();
    }
}
