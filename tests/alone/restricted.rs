//! On Windows: processors that an operator takes from the process (rule P1), and the handles of threads.
//! In processes of their own, because they restrict the process, and look how many handles it has.

use std::fs::File;
use std::os::windows::io::AsRawHandle;

use interrupt_lock::{Affinity, Answer, Policy, PolicyAnswer, Priority};
use support::alone::{in_a_process_of_its_own, this_program};
use support::placement::{
    Processors, bind, in_one_group, message, numbers, of_machine, of_process, only, restrict, seen, served_with,
};
use support::watchdog;

fn placed(affinity: Affinity) -> (Processors, PolicyAnswer) {
    let (seen, answer) = served_with(Policy::new().with_affinity(affinity), message(1));
    (seen.processors, answer)
}

/// The thread has what is left, and the answer says which processors were taken away. What is granted again it may have
/// again.
// Caught: the machine's processors asked for, whatever the process may use, which Windows refuses altogether; a narrowed
// set that is told as taken.
#[test]
fn p1_an_operators_restriction_is_never_widened() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let all = in_one_group(&of_process());
            let Some(&other) = all.iter().nth(1) else { return };
            let one = *all.first().unwrap();
            let first = Processors::from([one]);
            restrict(&first);
            assert_eq!(of_process(), first);
            for affinity in [Affinity::All, Affinity::AllClose, Affinity::OneClose, Affinity::SpreadMessages] {
                let (has, answer) = placed(affinity);
                assert_eq!(has, first, "{affinity:?}");
                let Answer::Narrowed { to, why } = &answer.thread else { panic!("{affinity:?}: {answer:?}") };
                assert_eq!(numbers(to), first);
                assert!(why.to_string().contains(&format!("its thread may have {}, and not ", only(one))), "{why}");
            }
            // None of it is left.
            let (has, answer) = placed(Affinity::Specified(only(other)));
            assert_eq!(has, first);
            let Answer::Refused(why) = &answer.thread else { panic!("{answer:?}") };
            let (one, other) = (only(one), only(other));
            let says = format!("the process may use processors {one} only, and none of {other}");
            assert_eq!(why.to_string(), says);
            let (has, answer) = placed(Affinity::Specified(one));
            assert_eq!((&has, answer.thread), (&first, Answer::Taken));
            restrict(&all);
            let (has, answer) = placed(Affinity::Specified(other));
            assert_eq!((has, answer.thread), (numbers(&[other]), Answer::Taken));
        });
    });
}

/// What a thread of the program does to itself is no restriction of the process.
// Caught: the calling thread's processors for the process's.
#[test]
fn p1_a_program_that_binds_its_own_threads_takes_nothing_away() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let may = of_process();
            let (whole, first) = (in_one_group(&may), in_one_group(&may).into_iter().take(1).collect());
            bind(&first);
            for &number in &may {
                let (has, answer) = placed(Affinity::Specified(only(number)));
                assert_eq!((has, answer.thread), ([number].into(), Answer::Taken));
            }
            let (has, answer) = placed(Affinity::All);
            assert_eq!(has, whole);
            assert_eq!(answer.thread == Answer::Taken, of_machine() == Some(has));
            assert_eq!(seen().processors, first);
        });
    });
}

/// The crate has a handle of each serving thread, and closes it. (Wine does not count the handles of a process. But
/// Windows and Wine give new handles the numbers of closed ones, so the numbers climb only if handles are left open.)
// Caught: a handle that is forgotten instead of owned.
#[test]
fn p2_no_handle_of_a_thread_is_left_open() {
    const INTERRUPTS: usize = 500;
    // Several, because a few low numbers may be free whatever is left open above. Handles are multiples of 4.
    let highest = || {
        let new: Vec<_> = (0..32).map(|_| File::open(this_program()).unwrap()).collect();
        new.iter().map(|file| file.as_raw_handle() as usize / 4).max().unwrap()
    };
    in_a_process_of_its_own(|| {
        watchdog(move || {
            let serve =
                || served_with(Policy::new().with_affinity(Affinity::All).with_priority(Priority::Low), message(0));
            serve();
            let before = highest();
            for _ in 0..INTERRUPTS {
                assert!(serve().1.priority == Answer::Taken);
            }
            let more = highest().saturating_sub(before);
            assert!(more < INTERRUPTS / 2, "after {INTERRUPTS} interrupts, {more} handles more");
        });
    });
}
