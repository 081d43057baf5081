//! Rule P1: what an operator takes from a process stays taken, and what a program does to its own threads takes nothing.
//!
//! Of their own because each is started as an operator starts it, binds its main thread, or hides /sys and /proc.

use std::ptr::null;

use interrupt_lock::source::Source;
use interrupt_lock::{
    Affinity, Answer, Claim, Dispatcher, ErrorKind, Interrupt, Policy, PolicyAnswer, ProcessorSet, SourceError,
};
use support::alone::in_a_process_of_its_own;
use support::placement::{Processors, bind, message, numbers, of_machine, of_process, only, seen, served_with};
use support::{kind, watchdog};

fn placed(affinity: Affinity) -> (Processors, PolicyAnswer) {
    let (mut source, assert) = message(1);
    source.info.vector = Some(u32::MAX);
    let (seen, answer) = served_with(Policy::new().with_affinity(affinity), (source, assert));
    (seen.processors, answer)
}

/// Runs `body` in a process that may use the first processor only, as `taskset` starts one.
fn restricted<F: FnOnce()>(body: F) {
    // What this thread starts inherits it.
    bind(None, &of_process().into_iter().take(1).collect());
    in_a_process_of_its_own(body);
}

/// The line was to be sent to these. (No system has that line.)
#[track_caller]
fn sent_to(line: &Answer, to: &str) {
    let Answer::Refused(SourceError::Os { doing, .. }) = line else { panic!("{line:?}") };
    assert!(doing.as_str().starts_with(&format!("writing {to} to /proc/irq/")), "{doing}");
}

/// Neither the thread nor the line leaves the processor. The answer says which of the machine's were taken away.
// Caught: the machine's processors asked for, whatever the process may use; a narrowed set that is told as taken; a line
// that is sent to all that the policy names.
#[test]
fn p1_an_operators_restriction_is_never_widened() {
    restricted(|| {
        watchdog(|| {
            let may = of_process();
            let one = *may.first().unwrap();
            assert_eq!(placed(Affinity::All).0, may);
            let others = &of_machine().unwrap_or_default() - &may;
            let Some(&other) = others.iter().find(|&other| other / 64 == one / 64) else { return };
            let both = ProcessorSet::new(only(one).mask() | only(other).mask()).in_group(only(one).group());

            let of_several = [
                Affinity::All,
                Affinity::AllClose,
                Affinity::OneClose,
                Affinity::SpreadMessages,
                Affinity::Specified(both),
            ];
            for affinity in of_several {
                let (has, answer) = placed(affinity);
                assert_eq!(has, may, "{affinity:?}");
                let Answer::Narrowed { to, why } = &answer.thread else { panic!("{affinity:?}: {answer:?}") };
                assert_eq!(numbers(to), may);
                assert!(why.to_string().contains(&format!("its thread may have {one}, and not ")), "{why}");
                sent_to(&answer.line, &one.to_string());
                assert_eq!(answer.refusals().count(), 2);
            }
            // None of it is left.
            let (has, answer) = placed(Affinity::Specified(only(other)));
            assert_eq!(has, may);
            for refused in [&answer.thread, &answer.line] {
                let Answer::Refused(why) = refused else { panic!("{answer:?}") };
                let says = format!("the process may use processors {one} only, and none of {other}");
                assert_eq!(why.to_string(), says);
            }
            let (has, answer) = placed(Affinity::Specified(only(one)));
            assert_eq!((has, answer.thread), (may, Answer::Taken));
            // The line goes without a thread, but not beyond either.
            let (mut source, _) = message(1);
            source.info.vector = Some(u32::MAX);
            sent_to(&on_shared_dispatcher(source).line, &one.to_string());
        });
    });
}

fn on_shared_dispatcher(source: impl Source + 'static) -> PolicyAnswer {
    let interrupt = Interrupt::builder(())
        .isr(|_| Claim::Claimed)
        .source(source)
        .dispatcher(&Dispatcher::new().unwrap())
        .policy(Policy::new().with_affinity(Affinity::All))
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt.policy_answer()
}

/// An operator who restricts a process may grant it more while it runs.
// Caught: what the process had at its start, for good.
#[test]
fn p1_what_an_operator_grants_later_may_be_used() {
    restricted(|| {
        watchdog(|| {
            assert_eq!(placed(Affinity::All).0, of_process());
            let Some(machine) = of_machine() else { return };
            // As `taskset -p` does.
            bind(Some(rustix::process::getpid()), &machine);
            let (has, answer) = placed(Affinity::All);
            assert_eq!(has, of_process());
            assert_eq!(answer.thread == Answer::Taken, has == machine);
        });
    });
}

/// The thread that builds, or the main thread, may have bound itself before.
// Caught: the creator's processors, or those that the main thread has now, for the process's.
#[test]
fn p1_a_program_that_binds_its_own_threads_takes_nothing_away() {
    in_a_process_of_its_own(|| {
        watchdog(|| {
            let may = of_process();
            let first = may.iter().copied().take(1).collect();
            bind(Some(rustix::process::getpid()), &first);
            bind(None, &first);
            for &number in &may {
                let (has, answer) = placed(Affinity::Specified(only(number)));
                assert_eq!((has, answer.thread), ([number].into(), Answer::Taken));
            }
            let (has, answer) = placed(Affinity::All);
            assert_eq!(has, may);
            assert_eq!(answer.thread == Answer::Taken, of_machine() == Some(may));
            assert_eq!(seen().processors, first);
        });
    });
}

/// Without /sys, /proc tells which processors there are. Without both nothing is told that isn't known: a set that the
/// driver names is taken or refused by the system, and of "all" nobody knows.
// Caught: the creator's processors for the machine's; "taken" although nobody knows; a build that takes any number.
#[test]
fn p1_without_sys_and_without_proc() {
    in_a_process_of_its_own(|| {
        let (may, machine) = (of_process(), of_machine());
        let first: Processors = may.iter().copied().take(1).collect();
        // From here on no waiting for progress: that looks into /proc.
        bind(None, &first);
        if !hide(c"/sys") {
            return; // not allowed
        }
        let (has, answer) = placed(Affinity::All);
        assert_eq!(has, may);
        assert_eq!(answer.thread == Answer::Taken, machine.as_ref() == Some(&may));
        assert!(hide(c"/proc"));
        for affinity in [Affinity::All, Affinity::AllClose, Affinity::SpreadMessages] {
            let (has, answer) = placed(affinity);
            let Answer::Narrowed { to, why } = answer.thread else { panic!("{answer:?}") };
            assert_eq!(numbers(&to), has);
            assert!(has.is_subset(&may) && (has == may || affinity == Affinity::SpreadMessages));
            assert!(why.to_string().starts_with("neither /sys nor /proc tells"), "{why}");
        }
        for &number in &may {
            let (has, answer) = placed(Affinity::Specified(only(number)));
            assert_eq!((has, answer.thread), ([number].into(), Answer::Taken));
        }
        let far = Policy::new().with_affinity(Affinity::Specified(ProcessorSet::new(1).in_group(1023)));
        let refused = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(far).build();
        assert!(matches!(kind(&refused), Some(ErrorKind::NoSuchProcessors { .. })));
    });
}

/// Puts an empty folder there, for this thread and for those that it starts. Returns whether it may.
fn hide(folder: &std::ffi::CStr) -> bool {
    // SAFETY: the kernel reads the strings.
    unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(null(), c"/".as_ptr(), null(), libc::MS_REC | libc::MS_PRIVATE, null()) == 0
            && libc::mount(c"none".as_ptr(), folder.as_ptr(), c"tmpfs".as_ptr(), 0, null()) == 0
    }
}
