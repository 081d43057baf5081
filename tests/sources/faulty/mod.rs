//! Faulty sources. Each is caught by a check whose name is asserted, in a sentence that says what is wrong.

mod datagrams;
mod line;

use std::fmt::Debug;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use interrupt_lock::test_kit::{Attendance, Rig, checks};

const ALL: &[Attendance] = &Attendance::ALL;
/// Where a dispatcher has to be woken.
const BY_DISPATCHER: &[Attendance] = &[Attendance::Own, Attendance::Shared];

/// How long nothing may move in the process before a check of a faulty source fails.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has each fault caught: in each of the ways named, by the check of that name, with a sentence that contains this one.
#[track_caller]
fn caught<R: Rig, F: Copy + Debug + Send>(rig: fn(F) -> R, faults: &[(F, &str, &str, &[Attendance])]) {
    // All at once: a check that waits in vain takes its time.
    let missed: Vec<String> = thread::scope(|scope| {
        let mut runs = Vec::new();
        for &(fault, name, sentence, ways) in faults {
            let rig = Arc::new(rig(fault));
            for &way in ways {
                let rig = rig.clone();
                runs.push(scope.spawn(move || {
                    let check = checks(&*rig).into_iter().find(|check| check.name() == name);
                    match check.expect("the check fits the rig").run(&rig, way) {
                        Err(why) if why.contains(sentence) => None,
                        verdict => Some(format!("{fault:?}, {way}, by {name}: {verdict:?}")),
                    }
                }));
            }
        }
        runs.into_iter().filter_map(|run| run.join().expect("running a check does not panic")).collect()
    });
    assert!(missed.is_empty(), "not caught, or for another reason:\n{}", missed.join("\n"));
}
