//! Rule P5: an enabled interrupt is moved to other processors.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex, Weak};
use std::thread;

use interrupt_lock::linux::Eventfd;
use interrupt_lock::source::{Removal, Software};
use interrupt_lock::{
    Affinity, Answer, Claim, Dispatcher, Error, ErrorKind, Interrupt, Policy, PolicyAnswer, Priority, ProcessorSet,
    SourceError, State,
};
use rustix::thread::{Pid, gettid, sched_getcpu};
use support::log::Log;
use support::placement::{message, numbers, of_process, only, processors};
use support::script::Script;
use support::{Gate, kind, receive, step, until, watchdog};

/// What an ISR has seen.
#[derive(Default)]
struct Seen {
    assertions: u64,
    runs: u64,
    /// Where the last run was.
    on: usize,
    thread: Option<Pid>,
}

fn to(number: usize) -> Affinity {
    Affinity::Specified(only(number))
}

/// Whether a thread has this processor alone. /proc says so too, if there is one.
fn is_on(thread: Pid, number: usize) -> bool {
    let says = |status: String| {
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        list.unwrap().trim() == number.to_string()
    };
    let status = fs::read_to_string(format!("/proc/self/task/{}/status", thread.as_raw_nonzero()));
    processors(Some(thread)) == [number].into() && status.map_or(true, says)
}

/// While an eventfd is signalled without a pause, its interrupt goes from one processor to the next, over and over. Each
/// run after a move is on the new processor. Nothing is lost, and nothing runs but the ISR.
// Caught: a move that disables and enables; one that asks the system for nothing.
#[test]
fn p5_a_storm_is_moved_and_loses_nothing() {
    const ASSERTIONS: u64 = 20_000;
    const MOVES: usize = 200;
    watchdog(|| {
        let log = Log::new();
        let [enabled, disabled] = [(); 2].map(|()| log.clone());
        let source = Eventfd::new().unwrap();
        let device = source.signaller();
        let interrupt = Interrupt::builder(Seen::default())
            .isr(|cx| {
                cx.assertions += cx.assertions();
                cx.runs += 1;
                cx.on = sched_getcpu();
                cx.thread = Some(gettid());
                Claim::Claimed
            })
            .on_enable(move |_| enabled.add("enable"))
            .on_disable(move |_| disabled.add("disable"))
            .source(source)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        let (asserted, over) = (Arc::new(AtomicU64::new(0)), Gate::new());
        let (theirs, is_over) = (asserted.clone(), over.clone());
        let storm = thread::spawn(move || {
            while !is_over.is_open() {
                device.signal();
                theirs.fetch_add(1, SeqCst);
                step();
            }
        });
        for (moves, &number) in of_process().iter().cycle().enumerate() {
            if moves >= MOVES && asserted.load(SeqCst) >= ASSERTIONS {
                break;
            }
            assert_eq!(interrupt.move_to(to(number)).unwrap().thread, Answer::Taken);
            let runs = interrupt.acquire_interrupt_lock().runs;
            until(|| interrupt.acquire_interrupt_lock().runs > runs);
            let seen = interrupt.acquire_interrupt_lock();
            assert!(seen.on == number && is_on(seen.thread.unwrap(), number));
        }
        over.open();
        storm.join().unwrap();
        let asserted = asserted.load(SeqCst);
        until(|| interrupt.acquire_interrupt_lock().assertions >= asserted);
        assert_eq!(interrupt.state(), State::Enabled);
        assert_eq!(log.take(), ["enable"]);
        interrupt.disable().unwrap();
        let stats = interrupt.stats();
        let seen = interrupt.acquire_interrupt_lock();
        assert_eq!((seen.assertions, seen.runs, stats.stale), (asserted, stats.claimed, 0));
    });
}

/// A move asks exactly what an enable asks: also for the line, whose place in `info` is read anew. The source is neither
/// disconnected nor drained.
// Caught: a move that disables and enables; one that asks the system for nothing.
#[test]
fn p5_the_source_is_left_alone() {
    watchdog(|| {
        let log = Log::new();
        let (source, device) = Script::descriptor(&log);
        device.set_info(|info| info.vector = Some(u32::MAX));
        let builder = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source);
        let interrupt = builder.policy(Policy::new().with_priority(Priority::Low)).build().unwrap();
        interrupt.enable().unwrap();
        let priority = interrupt.policy_answer().priority;
        log.take();
        let first = *of_process().first().unwrap();
        let answer = interrupt.move_to(to(first)).unwrap();
        assert_eq!(log.take(), [""; 0]);
        assert_eq!((&answer.thread, &answer.priority), (&Answer::Taken, &priority));
        let Answer::Refused(SourceError::Os { doing, .. }) = &answer.line else { panic!("{answer:?}") };
        assert_eq!(doing.as_str().split(" to ").next(), Some(&*format!("writing {first}")));
        assert_eq!(interrupt.policy_answer(), answer);
        assert_eq!(interrupt.policy(), Policy::new().with_priority(Priority::Low).with_affinity(to(first)));
    });
}

/// What is withheld meanwhile is delivered on the new processor.
// Caught: a move that only an active interrupt makes.
#[test]
fn p5_an_inactive_interrupt_moves_and_loses_nothing() {
    watchdog(|| {
        let last = *of_process().last().unwrap();
        let source = Eventfd::new().unwrap();
        let device = source.signaller();
        let builder = Interrupt::builder(Seen::default()).source(source);
        let interrupt = builder
            .isr(|cx| {
                cx.assertions += cx.assertions();
                cx.thread = Some(gettid());
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        device.signal();
        until(|| interrupt.acquire_interrupt_lock().thread.is_some());
        let thread = interrupt.acquire_interrupt_lock().thread;
        interrupt.report_inactive().unwrap();
        for _ in 0..3 {
            device.signal();
            assert_eq!(interrupt.move_to(to(last)).unwrap().thread, Answer::Taken);
        }
        assert_eq!((interrupt.state(), processors(thread)), (State::Inactive, [last].into()));
        interrupt.report_active().unwrap();
        until(|| interrupt.acquire_interrupt_lock().assertions == 4);
    });
}

/// What can't move stays, and the answer says why. A mistake changes nothing.
// Caught: a shared thread that is bound; an interrupt without a source of which nothing is told; a policy that is changed
// before it is checked.
#[test]
fn p5_what_can_not_move_is_in_the_answer() {
    watchdog(|| {
        let first = *of_process().first().unwrap();
        let dispatcher = Dispatcher::new().unwrap();
        let mut source = message(0).0;
        source.info.vector = Some(u32::MAX);
        let builder = || Interrupt::builder(()).isr(|_| Claim::Claimed);
        let shared = builder().source(source).dispatcher(&dispatcher).build().unwrap();
        let without_source = builder().build().unwrap();
        for interrupt in [&shared, &without_source] {
            interrupt.enable().unwrap();
            let answer = interrupt.move_to(to(first)).unwrap();
            assert!(matches!(answer.thread, Answer::Refused(SourceError::Refused(_))), "{answer:?}");
            assert!(matches!(answer.line, Answer::Refused(_)), "{answer:?}");
        }
        let asked = |interrupt: &Interrupt<_, _>| match interrupt.policy_answer().line {
            Answer::Refused(SourceError::Os { doing, .. }) => doing.as_str().contains("smp_affinity_list"),
            _ => false,
        };
        assert_eq!([asked(&shared), asked(&without_source)], [true, false]);

        let before = (shared.policy(), shared.policy_answer());
        let nowhere = ProcessorSet::new(1).in_group(1023);
        let refused = [ProcessorSet::new(0), nowhere].map(|set| shared.move_to(Affinity::Specified(set)));
        assert!(matches!(kind(&refused[0]), Some(ErrorKind::NoProcessors)));
        assert!(
            matches!(kind(&refused[1]), Some(ErrorKind::NoSuchProcessors { processors }) if *processors == nowhere)
        );
        assert_eq!((shared.policy(), shared.policy_answer()), before);
        assert_eq!(numbers(&[nowhere]), [1023 * 64].into());
    });
}

fn would_deadlock(answer: &Result<PolicyAnswer, Error>) -> bool {
    matches!(kind(answer), Some(ErrorKind::WouldDeadlock { .. }))
}

/// A move is a transition: it is refused where it would wait for itself, and after the end of the device.
// Caught: a move that takes the lock alone; one that does not look whether the device is there.
#[test]
fn p5_a_move_that_would_wait_for_itself_is_refused() {
    watchdog(|| {
        let first = *of_process().first().unwrap();
        let log = Log::new();
        let (source, device) = Script::descriptor(&log);
        let (report, reported) = channel();
        let (from_isr, from_work, from_callback) = (report.clone(), report.clone(), report);
        let (give, given) = channel::<Weak<Interrupt<(), _>>>();
        let given = Mutex::new(given);
        let other = Arc::new(Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap());
        let others = other.clone();
        let interrupt = Interrupt::builder(())
            .isr(move |cx| {
                from_isr.send(would_deadlock(&others.move_to(to(first)))).unwrap();
                cx.queue_work_item();
                Claim::Claimed
            })
            .work_item(move |cx| from_work.send(would_deadlock(&cx.move_to(to(first)))).unwrap())
            .on_enable(move |_| {
                let me: Option<Arc<Interrupt<(), _>>> = given.lock().unwrap().recv().unwrap().upgrade();
                from_callback.send(would_deadlock(&me.unwrap().move_to(to(first)))).unwrap();
            })
            .source(source)
            .build()
            .unwrap();
        let interrupt = Arc::new(interrupt);
        give.send(Arc::downgrade(&interrupt)).unwrap();
        interrupt.enable().unwrap();
        device.assert();
        for _ in 0..3 {
            assert!(receive(&reported));
        }
        let guard = interrupt.acquire_interrupt_lock();
        assert!(would_deadlock(&interrupt.move_to(to(first))));
        drop(guard);
        assert_eq!((interrupt.policy(), other.policy()), (Policy::new(), Policy::new()));
        device.remove(Removal::Surprise);
        until(|| interrupt.state() == State::Removed);
        assert!(matches!(kind(&interrupt.move_to(to(first))), Some(ErrorKind::Removed)));
    });
}

/// Moves come one by one with the other transitions, from wherever they are called.
// Caught: a move without a lock.
#[test]
fn p5_moves_meet_other_transitions() {
    const ROUNDS: usize = 500;
    watchdog(|| {
        let may = of_process();
        let (source, line) = Software::edge();
        let builder = Interrupt::builder(Seen::default()).name("moved").source(source);
        let interrupt = builder
            .isr(|cx| {
                // A disable runs it, too.
                if thread::current().name() == Some("moved") {
                    cx.thread = Some(gettid());
                }
                Claim::Claimed
            })
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        until(|| interrupt.acquire_interrupt_lock().thread.is_some());
        let thread = interrupt.acquire_interrupt_lock().thread;
        let (round, mut elsewhere) = (Barrier::new(may.len() + 1), 0);
        thread::scope(|scope| {
            for &number in &may {
                let (interrupt, round) = (&interrupt, &round);
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        round.wait();
                        interrupt.move_to(to(number)).unwrap();
                        round.wait();
                    }
                });
            }
            for _ in 0..ROUNDS {
                round.wait();
                interrupt.disable().unwrap();
                interrupt.enable().unwrap();
                round.wait();
                // Whichever came last, the thread is where the policy says.
                let Affinity::Specified(set) = interrupt.policy().affinity() else { panic!() };
                let so = processors(thread) == numbers(&[set]) && interrupt.policy_answer().thread == Answer::Taken;
                elsewhere += usize::from(!so);
                line.assert();
                step();
            }
        });
        assert_eq!(elsewhere, 0);
    });
}
