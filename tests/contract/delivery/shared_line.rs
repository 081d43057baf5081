//! Rule I7: a level line that several interrupts share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use interrupt_lock::simulated::{Edu, Step};
use interrupt_lock::source::{LevelHandle, Software};
use interrupt_lock::{
    Claim, Delivery, Dispatcher, ErrorKind, Fault, Interrupt, NoWorkItem, Registers, State, Transition,
    source::{SharedLine, Source},
};
use support::log::Log;
use support::script::Script;
use support::{kind, until, watchdog};

type Member = Interrupt<(), NoWorkItem>;

/// A member without a dispatcher, which logs that its ISR ran.
fn member(
    shared: &SharedLine,
    log: &Log,
    name: &'static str,
    mut isr: impl FnMut() -> Claim + Send + 'static,
) -> Member {
    let log = log.clone();
    let interrupt = Interrupt::builder(())
        .name(name)
        .isr(move |_| {
            log.add(name);
            isr()
        })
        .source(shared.member())
        .without_dispatcher()
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// Serves as a driver's own loop does: it serves all members until none has anything to do.
fn serve(members: &[&Member]) {
    for _ in 0..100 {
        let answers = members.iter().map(|member| member.service());
        if answers.filter(|answer| matches!(answer, Delivery::Answered(_))).count() == 0 {
            return;
        }
    }
}

/// Each round asks all members, and the next begins as long as the line signals.
// Caught: a line that is opened before it is claimed or all have answered, or never again.
#[test]
fn i7_offered_again_as_long_as_it_signals() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let (mut rounds, quiet) = (0, line.clone());
    let first = member(&shared, &log, "first", || Claim::Unclaimed);
    let second = member(&shared, &log, "second", move || {
        rounds += 1;
        if rounds == 3 {
            quiet.deassert();
        }
        Claim::Claimed
    });
    line.assert();
    serve(&[&first, &second]);
    assert_eq!(log.take(), ["first", "second"].repeat(3));
    assert_eq!((shared.stats().claimed, shared.stats().spurious), (3, 0));
    assert_eq!((first.stats().benign, first.stats().spurious, second.stats().claimed), (3, 0, 3));
}

/// The line is unmasked once for each round: after the first claim, or after the last answer if nobody claims.
// Caught: a claimed line that waits for the others; one that is opened again at each later answer.
#[test]
fn i7_opened_when_one_has_claimed_or_all_have_answered() {
    for (claim, opened) in
        [(Claim::Claimed, ["first", "unmask", "second"]), (Claim::Unclaimed, ["first", "second", "unmask"])]
    {
        let log = Log::new();
        let (source, device) = Script::waking(&log);
        let shared = SharedLine::new(source).unwrap();
        let first = member(&shared, &log, "first", move || claim);
        let second = member(&shared, &log, "second", move || claim);
        assert_eq!(log.count("connect"), 1);
        log.take();
        device.assert();
        first.service();
        second.service();
        let happened: Vec<_> = log.take().into_iter().filter(|entry| entry != "take").collect();
        assert_eq!(happened, opened);
        first.disable().unwrap();
        assert_eq!(log.count("disconnect"), 0, "the other one needs it");
        second.disable().unwrap();
        assert_eq!(log.count("disconnect"), 1);
    }
}

/// A round is spurious only after every member has answered it. An answer to an earlier round does not count.
// Caught: a round that ends at the first answer, or at the answer of a member that was told of an earlier one only.
#[test]
fn i7_a_spurious_round_needs_every_answer() {
    let (source, line) = Software::level();
    let shared = SharedLine::new(source).unwrap();
    let [mut late, mut second, mut third] = [(); 3].map(|()| {
        let mut member = shared.member();
        member.connect(Waker::noop()).unwrap();
        member
    });
    line.assert();
    for member in [&mut late, &mut second] {
        assert_eq!(member.take(), Ok(1));
    }
    second.unmask().unwrap(); // it claims, and the next round begins
    assert_eq!((second.take(), third.take()), (Ok(1), Ok(2)));
    for member in [&mut second, &mut third, &mut late] {
        member.answered(Claim::Unclaimed);
        assert_eq!(shared.stats().spurious, 0);
    }
    assert_eq!((late.take(), second.take()), (Ok(1), Ok(0)), "still masked");
    late.answered(Claim::Unclaimed);
    assert_eq!((shared.stats().claimed, shared.stats().spurious), (1, 1));
    assert_eq!(second.take(), Ok(1), "unmasked, and still asserted");
}

/// A round that no member claims counts as spurious, for the line and not for its members.
// Caught: a round that nobody claims, counted as claimed; a member that is held to account for another's interrupts.
#[test]
fn i7_what_nobody_claims_is_spurious() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let first = member(&shared, &log, "first", || Claim::Unclaimed);
    let quiet = line.clone();
    let second = member(&shared, &log, "second", move || {
        quiet.deassert();
        Claim::Unclaimed
    });
    line.assert();
    serve(&[&first, &second]);
    assert_eq!((shared.stats().claimed, shared.stats().spurious), (0, 1));
    for interrupt in [&first, &second] {
        assert_eq!((interrupt.stats().benign, interrupt.stats().spurious), (1, 0));
    }
}

/// A member that keeps the line masked keeps it so for all, until it unmasks the line or leaves it.
// Caught: a line that is opened although one keeps it masked; one that stays masked when that one leaves.
#[test]
fn i7_kept_masked_until_that_one_opens_it() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let keeper = member(&shared, &log, "keeper", || Claim::ClaimedKeepMasked);
    let other = member(&shared, &log, "other", || Claim::Unclaimed);
    line.assert();
    for round in 1..=3 {
        serve(&[&keeper, &other]);
        assert_eq!((log.count("keeper"), log.count("other")), (round, round), "masked from here on");
        match round {
            1 => keeper.unmask(),
            _ => assert_eq!(keeper.disable().unwrap(), Transition::Done),
        }
        if round == 2 {
            break;
        }
    }
    // The keeper has left: the line belongs to the other.
    other.service();
    assert_eq!((log.count("keeper"), log.count("other")), (2, 3));
}

/// A device on the line. Its interrupt has a dispatcher of its own or shares one. Runs until the interrupt has been
/// served.
fn device(
    shared: &SharedLine,
    line: &LevelHandle,
    log: &Log,
    name: &'static str,
    on: Option<&Dispatcher>,
) -> (Arc<AtomicBool>, Member) {
    let asserted = Arc::new(AtomicBool::new(false));
    let (theirs, line, log) = (asserted.clone(), line.clone(), log.clone());
    let builder = Interrupt::builder(()).name(name).source(shared.member()).isr(move |_| {
        if !theirs.swap(false, Ordering::SeqCst) {
            return Claim::Unclaimed;
        }
        line.deassert();
        log.add(name);
        Claim::Claimed
    });
    let interrupt = match on {
        Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        None => builder.build(),
    }
    .unwrap();
    interrupt.enable().unwrap();
    (asserted, interrupt)
}

/// Each member is served, on one thread or on several, whatever its place on the line.
// Caught: a member that is not woken for its turn.
#[test]
fn i7_members_of_one_dispatcher_and_of_many_are_served() {
    for common in [true, false] {
        watchdog(move || {
            let (log, (source, line)) = (Log::new(), Software::level());
            let shared = SharedLine::new(source).unwrap();
            let dispatcher = Dispatcher::new().unwrap();
            let on = common.then_some(&dispatcher);
            let names = ["a", "b", "c"];
            let devices = names.map(|name| device(&shared, &line, &log, name, on));
            for round in 1..=50 {
                for ((asserted, _), name) in devices.iter().zip(names) {
                    asserted.store(true, Ordering::SeqCst);
                    line.assert();
                    log.wait_for(name, round);
                }
            }
        });
    }
}

/// A member whose ISR panics leaves the line in the middle of a round. The others are served, in this round too.
// Caught: a round that ends with the member that left; a turn that is passed over as one leaves.
#[test]
fn i7_a_panicking_member_leaves_the_chain() {
    watchdog(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let bad = Interrupt::builder(()).isr(|_| panic!("on purpose")).source(shared.member()).build().unwrap();
        bad.enable().unwrap();
        let (good, _good) = device(&shared, &line, &log, "good", None);
        for round in 1..=3 {
            good.store(true, Ordering::SeqCst);
            line.assert();
            log.wait_for("good", round);
            until(|| bad.state() == State::Faulted);
        }
    });
}

/// A member is disabled, or dropped, while the line waits for its answer.
// Caught: a member that leaves without an answer in its name.
#[test]
fn i7_a_disabled_member_does_not_silence_the_others() {
    for dropped in [true, false] {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let first = member(&shared, &log, "first", || Claim::Unclaimed);
        let other = member(&shared, &log, "other", || Claim::Unclaimed);
        line.assert();
        other.service();
        assert_eq!(other.service(), Delivery::Nothing, "the line waits for the first");
        if dropped {
            drop(first);
        } else {
            first.disable().unwrap();
        }
        assert_eq!(log.count("first"), 1, "what was signalled before it was disabled is delivered");
        assert_eq!(other.service(), Delivery::Answered(Claim::Unclaimed));
    }
}

/// A member that is disabled before it is told of a round gets its ISR run all the same.
// Caught: one that is told only if the line waits for it.
#[test]
fn i7_what_was_signalled_before_a_disable_is_delivered() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let first = member(&shared, &log, "first", || Claim::Unclaimed);
    let second = member(&shared, &log, "second", || Claim::Claimed);
    let third = member(&shared, &log, "third", || Claim::Claimed);
    line.assert();
    second.disable().unwrap();
    assert_eq!(log.take(), ["second"]);
    first.service();
    first.disable().unwrap();
    assert_eq!(log.take(), ["first"], "it has answered, and is not asked again");
    third.service();
    assert_eq!(log.take(), ["third"]);
    third.disable().unwrap();
    assert_eq!(log.take(), ["third"], "still asserted");
}

/// A storm on the line may be any member's, so all members fault, and no other interrupt does.
// Caught: a line without a storm of its own; a storm that only one of them is told of.
#[test]
fn i7_a_storm_on_the_line_faults_its_members() {
    watchdog(|| {
        let device = Edu::new();
        let shared = SharedLine::new(device.line().unwrap()).unwrap();
        let dispatcher = Dispatcher::new().unwrap();
        let members = [(); 2].map(|()| {
            let interrupt = Interrupt::builder(())
                .isr(|_| Claim::Unclaimed)
                .source(shared.member())
                .dispatcher(&dispatcher)
                .build()
                .unwrap();
            interrupt.enable().unwrap();
            interrupt
        });
        let (source, edge) = Software::edge();
        let healthy =
            Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(&dispatcher).build().unwrap();
        healthy.enable().unwrap();
        device.perform(Step::Stuck(true));
        for member in &members {
            until(|| member.state() == State::Faulted);
            assert!(matches!(member.fault(), Some(Fault::Storm { unclaimed: 99_900, .. })));
        }
        edge.assert();
        until(|| healthy.stats().claimed == 1);
        assert_eq!(healthy.state(), State::Enabled);
        device.perform(Step::Stuck(false));
        device.registers().write32(0x64, !0);
        // Each waits for the section in which its member leaves the line.
        for member in &members {
            member.clear_fault().unwrap();
        }
        for member in &members {
            member.enable().unwrap();
        }
        let before = shared.stats().spurious;
        device.perform(Step::Stuck(true));
        until(|| shared.stats().spurious != before);
    });
}

// Caught: a removal that only the first is told of.
#[test]
fn i7_a_removed_line_is_removed_for_all() {
    for requested in [true, false] {
        watchdog(move || {
            let (log, (source, line)) = (Log::new(), Software::level());
            let shared = SharedLine::new(source).unwrap();
            let devices = ["a", "b", "c"].map(|name| device(&shared, &line, &log, name, None));
            if requested {
                line.request_removal();
            } else {
                line.remove();
            }
            for (_, interrupt) in &devices {
                until(|| interrupt.state() == State::Removed);
            }
        });
    }
}

// Caught: a message that is taken for a line.
#[test]
fn i8_a_shared_line_is_a_level_line() {
    for source in [Software::edge().0, Software::message(1).0] {
        assert!(matches!(kind(&SharedLine::new(source)), Some(ErrorKind::NotShareable)));
    }
}
