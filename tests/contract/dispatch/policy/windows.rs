//! On Windows: the thread's group affinity and priority; P5, too. The ISR reads what its thread has by Windows' own calls.
//!
//! (Wine 8 keeps priorities, and reads them back, but schedules nobody by them. Processors it does bind.)

use std::sync::mpsc::channel;

use interrupt_lock::source::Software;
use interrupt_lock::{Affinity, Answer, Claim, Dispatcher, Interrupt, Policy, PolicyAnswer, Priority, SourceError};
use support::placement::{Processors, bind, here, in_one_group, message, of_process, only, seen, served_with};
use support::{receive, step, until, watchdog};

/// Above all threads of ordinary priority, and each above the one before: `THREAD_PRIORITY_ABOVE_NORMAL`, `_HIGHEST` and
/// `_TIME_CRITICAL`.
// Caught: a priority never asked for; two that are the same; the calling thread's priority changed; the machine's default
// asked for.
#[test]
fn p2_the_serving_thread_has_the_priority_of_the_policy() {
    watchdog(|| {
        for (priority, expected) in [(Priority::Low, 1), (Priority::Normal, 2), (Priority::High, 15)] {
            let policy = Policy::new().with_affinity(Affinity::MachineDefault).with_priority(priority);
            let (has, answer) = served_with(policy, message(0));
            assert_eq!(has.priority, expected);
            assert_eq!(answer.priority, Answer::Taken);
            assert_eq!((&answer.thread, &answer.line), (&Answer::NotAsked, &Answer::NotAsked));
        }
        assert_eq!(seen().priority, 0);
    });
}

/// The vector, a thread that serves other interrupts too, no thread at all, no source: each is reported, and the interrupt
/// is enabled all the same.
// Caught: a line that is told as placed; a refusal that keeps the rest from being asked; a shared thread that is bound.
#[test]
fn p2_what_is_refused_is_in_the_answer() {
    watchdog(|| {
        let policy = Policy::new().with_affinity(Affinity::Specified(only(*of_process().first().unwrap())));
        let (_, answer) = served_with(policy, message(0));
        assert_eq!(answer.thread, Answer::Taken);
        let Answer::Refused(SourceError::Refused(why)) = &answer.line else { panic!("{answer:?}") };
        assert!(why.as_str().contains("INF") && why.as_str().contains("registry"), "{why}");
        assert_eq!(answer.refusals().count(), 1);

        let policy = policy.with_priority(Priority::Low);
        let builder = || Interrupt::builder(()).isr(|_| Claim::Claimed).policy(policy);
        let given = builder().source(message(0).0).dispatcher(&Dispatcher::new().unwrap()).build().unwrap();
        let alone = builder().source(message(0).0).without_dispatcher().build().unwrap();
        let without_source = builder().build().unwrap();
        for interrupt in [given, alone, without_source] {
            assert_eq!(interrupt.policy_answer(), PolicyAnswer::default());
            interrupt.enable().unwrap();
            assert_eq!(interrupt.policy_answer().refusals().count(), 3);
        }
    });
}

/// Each enable asks the system anew.
// Caught: a policy that is asked for at the first enable only.
#[test]
fn p2_it_is_asked_for_at_each_enable() {
    watchdog(|| {
        let mine = in_one_group(&of_process());
        let one = *mine.last().unwrap();
        let (report, reported) = channel();
        let (source, assert) = message(0);
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                report.send((seen().processors, here())).unwrap();
                // Somebody else's doing.
                bind(&mine);
                Claim::Claimed
            })
            .source(source)
            .policy(Policy::new().with_affinity(Affinity::Specified(only(one))))
            .build()
            .unwrap();
        for _ in 0..3 {
            interrupt.enable().unwrap();
            assert.assert();
            assert_eq!(receive(&reported), (Processors::from([one]), one));
            interrupt.disable().unwrap();
        }
    });
}

/// What an ISR has seen.
#[derive(Default)]
struct Served {
    assertions: u64,
    on: usize,
    has: Processors,
}

/// While it is asserted without a pause, the interrupt goes from one processor to the next, over and over. Each run after a
/// move is on the new processor, and nothing is lost.
// Caught: a move that asks the system for nothing; one that binds the calling thread.
#[test]
fn p5_a_storm_is_moved_and_loses_nothing() {
    const MOVES: usize = 200;
    watchdog(|| {
        let mine = seen();
        let (source, line) = Software::edge();
        let interrupt = Interrupt::builder(Served::default())
            .isr(|cx| {
                cx.assertions += cx.assertions();
                (cx.on, cx.has) = (here(), seen().processors);
                Claim::Claimed
            })
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let (end, ends) = channel::<()>();
        let storm = std::thread::spawn(move || {
            let mut asserted = 0;
            while ends.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                line.assert();
                asserted += 1;
                step();
            }
            asserted
        });
        for &number in of_process().iter().cycle().take(MOVES) {
            let answer = interrupt.move_to(Affinity::Specified(only(number))).unwrap();
            assert_eq!(answer.thread, Answer::Taken);
            let before = interrupt.acquire_interrupt_lock().assertions;
            until(|| interrupt.acquire_interrupt_lock().assertions > before);
            let served = interrupt.acquire_interrupt_lock();
            assert_eq!((served.on, &served.has), (number, &Processors::from([number])));
        }
        drop(end);
        let asserted = storm.join().unwrap();
        until(|| interrupt.acquire_interrupt_lock().assertions >= asserted);
        interrupt.disable().unwrap();
        assert_eq!((interrupt.acquire_interrupt_lock().assertions, interrupt.stats().stale), (asserted, 0));
        assert_eq!(seen(), mine);
    });
}
