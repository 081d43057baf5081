//! Where and how urgently an interrupt is served: rules P1 and P2, and what of P5 holds on Linux and on Windows alike. The
//! rest of P5 on Linux is in `moving`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::sync::mpsc::channel;

use interrupt_lock::{
    Affinity, Answer, Claim, Error, ErrorKind, Interrupt, NoWorkItem, Policy, PolicyAnswer, Priority, ProcessorSet,
};
use support::placement::{Processors, in_one_group, message, numbers, of_machine, of_process, only, seen, served_with};
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
    let numbered = if cfg!(windows) { ": 1023:0" } else { ": 65472" };
    assert!(error.to_string().starts_with("edu5: ") && error.to_string().ends_with(numbered), "{error}");
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
        let all = in_one_group(&may);
        // With each what the policy stands for, as far as the thread can have it.
        let cases = [
            (Affinity::Specified(only(first)), [first].into(), None),
            (Affinity::Specified(only(last)), [last].into(), None),
            (Affinity::All, all.clone(), Some(&all)),
            (Affinity::AllClose, all.clone(), Some(&all)),
            (Affinity::OneClose, [second].into(), Some(&may)),
            (Affinity::SpreadMessages, [second].into(), Some(&may)),
        ];
        for (affinity, expected, left) in cases {
            let (has, answer) = served_with(Policy::new().with_affinity(affinity), message(1));
            assert_eq!(has.processors, expected, "{affinity:?}");
            let is_whole = left.is_none_or(|left| of_machine().as_ref() == Some(left));
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

/// While it is disabled, a move is kept for the next enable, and for each one after it.
// Caught: a thread that is bound while the interrupt is disabled; an answer of another enable; a move that is forgotten.
#[test]
fn p5_a_disabled_interrupt_keeps_it_for_the_next_enable() {
    watchdog(|| {
        let may = in_one_group(&of_process());
        let [first, last] = [*may.first().unwrap(), *may.last().unwrap()];
        let (report, reported) = channel();
        let (source, assert) = message(0);
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                report.send(seen().processors).unwrap();
                Claim::Claimed
            })
            .source(source)
            .policy(Policy::new().with_affinity(Affinity::Specified(only(first))))
            .build()
            .unwrap();
        let has = || {
            assert.assert();
            receive(&reported)
        };
        assert_eq!(interrupt.move_to(Affinity::Specified(only(last))).unwrap(), PolicyAnswer::default());
        for _ in 0..2 {
            interrupt.enable().unwrap();
            assert_eq!(interrupt.policy_answer().thread, Answer::Taken);
            assert_eq!(has(), Processors::from([last]));
            interrupt.disable().unwrap();
        }
        // What was answered before is not told of what has not been asked for.
        assert_eq!(interrupt.move_to(Affinity::Specified(only(first))).unwrap().thread, Answer::NotAsked);
        interrupt.enable().unwrap();
        assert_eq!(has(), Processors::from([first]));
        // The machine's default asks for nothing.
        assert_eq!(interrupt.move_to(Affinity::MachineDefault).unwrap().thread, Answer::NotAsked);
        assert_eq!(has(), Processors::from([first]));
        interrupt.move_to(Affinity::All).unwrap();
        assert_eq!(has(), may);
    });
}
