//! Where and how urgently an interrupt is served: rules P1 and P2.

use std::sync::mpsc::channel;

use interrupt_lock::{
    Affinity, Answer, Claim, Dispatcher, Error, ErrorKind, Interrupt, NoWorkItem, Policy, PolicyAnswer, Priority,
    ProcessorSet, SourceError,
};
use rustix::io::Errno;
use support::placement::{Processors, bind, message, numbers, of_machine, of_process, only, seen, served_with};
use support::seccomp::{Whom, refuse};
use support::{kind, receive, watchdog};

fn build(policy: Policy) -> Result<Interrupt<(), NoWorkItem>, Error> {
    Interrupt::builder(()).name("edu5").isr(|_| Claim::Claimed).policy(policy).build()
}

// Caught: a default of another policy; a policy that is not kept.
#[test]
fn p1_the_policy_is_read_back_and_has_the_references_defaults() {
    let plain = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
    assert_eq!(plain.policy(), Policy::default());
    assert_eq!(plain.policy().affinity(), Affinity::OneClose);
    assert_eq!(plain.policy().priority(), Priority::Undefined);
    let given = Policy::new().with_affinity(Affinity::SpreadMessages).with_priority(Priority::Low);
    assert_eq!(build(given).unwrap().policy(), given);
}

/// A policy with processors, or with a group, that the machine does not have is refused when the interrupt is built.
/// The error names the interrupt and the processors.
// Caught: a build that does not look; a look at the mask without the group; all of the set told instead of what is missing.
#[test]
fn p1_processors_that_the_machine_has_not_are_refused_when_it_is_built() {
    let specified = |set| Policy::new().with_affinity(Affinity::Specified(set));
    let error = build(specified(ProcessorSet::new(0))).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoProcessors));
    assert_eq!(error.name().as_str(), "edu5");
    // Processor 0, and the highest that there can be.
    let set = ProcessorSet::new(0b1).in_group(1023);
    let error = build(specified(set)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSuchProcessors { processors } if *processors == set));
    assert!(error.to_string().starts_with("edu5: ") && error.to_string().ends_with(": 65472"), "{error}");
    let one = *of_process().first().unwrap();
    let machine = of_machine().unwrap_or((0..64).collect());
    let group = u16::try_from(one / 64).unwrap();
    let missing: Processors =
        (0..64).map(|bit| one / 64 * 64 + bit).filter(|number| !machine.contains(number)).collect();
    if !missing.is_empty() {
        match kind(&build(specified(ProcessorSet::new(u64::MAX).in_group(group)))) {
            Some(ErrorKind::NoSuchProcessors { processors }) => assert_eq!(numbers(&[*processors]), missing),
            other => panic!("{other:?}"),
        }
    }
    assert!(build(specified(only(one))).is_ok());
}

/// Without a policy, or with the machine's default, the crate asks the system for nothing.
// Caught: a default that binds the thread.
#[test]
fn p2_nothing_is_asked_of_the_system_by_default() {
    watchdog(|| {
        let ordinary = seen();
        for policy in [Policy::new(), Policy::new().with_affinity(Affinity::MachineDefault)] {
            let (seen, answer) = served_with(policy, message(0));
            assert_eq!(seen, ordinary);
            assert_eq!(answer, PolicyAnswer::default());
            assert_eq!(answer.refusals().count(), 0);
        }
    });
}

/// The serving thread has the processors of the policy from the first enable on: those of them that the process may use.
/// The answer says whether these are all.
// Caught: the calling thread bound instead; a set asked for that is not the policy's; a message's number ignored.
#[test]
fn p2_the_serving_thread_has_the_processors_of_the_policy() {
    watchdog(|| {
        let mine = seen().processors;
        let may = of_process();
        let second = *may.iter().nth(1 % may.len()).unwrap();
        let [first, last] = [*may.first().unwrap(), *may.last().unwrap()];
        let cases = [
            (Affinity::Specified(only(first)), [first].into()),
            (Affinity::Specified(only(last)), [last].into()),
            (Affinity::All, may.clone()),
            (Affinity::AllClose, may.clone()),
            (Affinity::OneClose, [second].into()),
            (Affinity::SpreadMessages, [second].into()),
        ];
        for (affinity, expected) in cases {
            let (has, answer) = served_with(Policy::new().with_affinity(affinity), message(1));
            assert_eq!(has.processors, expected, "{affinity:?}");
            let is_whole = matches!(affinity, Affinity::Specified(_)) || of_machine().as_ref() == Some(&may);
            match answer.thread {
                Answer::Taken => assert!(is_whole, "{affinity:?}"),
                Answer::Narrowed { to, .. } if !is_whole => assert_eq!(numbers(&to), expected),
                other => panic!("{affinity:?}: {other:?}"),
            }
            assert_eq!(answer.priority, Answer::NotAsked);
        }
        assert_eq!(seen().processors, mine);
    });
}

/// A vector whose file can't be written, a vector without a number, a thread that serves other interrupts too, no
/// thread at all, no source: each is reported, and the interrupt is enabled all the same.
// Caught: a refusal that is dropped; one that fails the enable; one that keeps the rest from being asked.
#[test]
fn p2_what_is_refused_is_in_the_answer() {
    watchdog(|| {
        let policy = Policy::new().with_affinity(Affinity::Specified(only(*of_process().first().unwrap())));
        let (mut source, assert) = message(0);
        source.info.vector = Some(u32::MAX);
        let (_, answer) = served_with(policy, (source, assert));
        assert_eq!(answer.thread, Answer::Taken);
        match &answer.line {
            Answer::Refused(SourceError::Os { doing, source }) => {
                assert!(doing.as_str().contains("/proc/irq/4294967295/smp_affinity_list"), "{doing}");
                assert_eq!(source.raw(), Errno::NOENT.raw_os_error());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(answer.refusals().count(), 1);

        let (_, answer) = served_with(policy, message(0));
        assert!(matches!(answer.line, Answer::Refused(SourceError::Refused(_))));

        let policy = policy.with_priority(Priority::Low);
        let given = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .source(message(0).0)
            .dispatcher(&Dispatcher::new().unwrap())
            .policy(policy)
            .build()
            .unwrap();
        let alone = Interrupt::builder(())
            .isr(|_| Claim::Claimed)
            .source(message(0).0)
            .without_dispatcher()
            .policy(policy)
            .build()
            .unwrap();
        let without_source = Interrupt::builder(()).isr(|_| Claim::Claimed).policy(policy).build().unwrap();
        for interrupt in [given, alone, without_source] {
            assert_eq!(interrupt.policy_answer(), PolicyAnswer::default());
            interrupt.enable().unwrap();
            assert_eq!(interrupt.policy_answer().refusals().count(), 3);
        }
    });
}

/// With the right to real-time priorities the thread gets one. Without, that is reported.
// Caught: a priority never asked for; the refusal ignored; the calling thread's priority changed.
#[test]
fn p2_the_serving_thread_has_the_priority_of_the_policy() {
    watchdog(|| {
        let may = std::thread::spawn(|| {
            let priority: libc::c_int = 1;
            // SAFETY: the kernel reads one `int`.
            unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO, &raw const priority) == 0 }
        });
        let may = may.join().unwrap();
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            let (has, answer) = served_with(Policy::new().with_priority(priority), message(0));
            assert_eq!((&answer.thread, &answer.line), (&Answer::NotAsked, &Answer::NotAsked));
            if may {
                assert_eq!((has.scheduler, answer.priority), (libc::SCHED_FIFO, Answer::Taken));
            } else {
                assert_eq!(has.scheduler, libc::SCHED_OTHER);
                assert!(matches!(answer.priority, Answer::Refused(_)));
            }
        }
        assert_eq!(seen().scheduler, libc::SCHED_OTHER);
    });
}

/// A process without the right to a priority is told so, and its interrupt is served.
// Caught: EPERM as an error of the enable; an answer that says it was taken.
#[test]
fn p2_a_priority_without_the_right_to_it_is_refused() {
    watchdog(|| {
        refuse(&[libc::SYS_sched_setscheduler], libc::EPERM, Whom::ThisThread);
        let (has, answer) = served_with(Policy::new().with_priority(Priority::High), message(0));
        assert_eq!(has.scheduler, libc::SCHED_OTHER);
        match answer.priority {
            Answer::Refused(SourceError::Os { source, .. }) => assert_eq!(source.raw(), libc::EPERM),
            other => panic!("{other:?}"),
        }
    });
}

/// Each enable asks the system anew, because the line may have another number.
// Caught: a policy that is asked for at the first enable only; an answer that is kept from the last.
#[test]
fn p2_it_is_asked_for_at_each_enable() {
    watchdog(|| {
        let mine = of_process();
        let (report, reported) = channel();
        let (mut source, assert) = message(0);
        source.info.vector = Some(u32::MAX);
        let policy = Policy::new().with_affinity(Affinity::Specified(only(*mine.first().unwrap())));
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                report.send(seen().processors).unwrap();
                // Somebody else's doing.
                bind(None, &mine);
                Claim::Claimed
            })
            .source(source)
            .policy(policy)
            .build()
            .unwrap();
        for enables in 0..3 {
            interrupt.enable().unwrap();
            let line = interrupt.policy_answer().line;
            let Answer::Refused(SourceError::Os { doing, .. }) = line else { panic!("{line:?}") };
            assert!(doing.as_str().contains(&format!("/proc/irq/{}/", u32::MAX - enables)), "{doing}");
            assert.assert();
            let processors = receive(&reported);
            assert_eq!(processors.len(), 1);
            interrupt.disable().unwrap();
        }
    });
}
