//! Rule I7: a level line that several interrupts share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interrupt_lock::simulated::{Edu, Step};
use interrupt_lock::source::{LevelHandle, Software};
use interrupt_lock::{
    Claim, Delivery, Dispatcher, ErrorKind, Fault, Interrupt, NoWorkItem, Registers, State, Transition,
    source::SharedLine,
};
use support::log::Log;
use support::script::Script;
use support::{Gate, kind, until, watchdog};

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

/// The members' ISRs run in the order of connection, whichever member is served first, and again as long as the line
/// signals.
// Caught: an order that is not that of connection; a line that is opened before all have answered, or never again.
#[test]
fn i7_offered_in_order_of_connection_as_long_as_it_signals() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let (mut rounds, quiet) = (0, line.clone());
    let second = member(&shared, &log, "second", || Claim::Unclaimed);
    let third = member(&shared, &log, "third", move || {
        rounds += 1;
        if rounds == 3 {
            quiet.deassert();
        }
        Claim::Claimed
    });
    // The first one enabled is now the last.
    second.disable().unwrap();
    second.enable().unwrap();
    line.assert();
    serve(&[&second, &third]);
    assert_eq!(log.take(), ["third", "second"].repeat(3));
    assert_eq!((shared.stats().claimed, shared.stats().spurious), (3, 0));
    assert_eq!((second.stats().benign, second.stats().spurious, third.stats().claimed), (3, 0, 3));
}

/// The source is unmasked once for each round, after the last claim.
// Caught: as above.
#[test]
fn i7_opened_when_all_have_answered() {
    for claim in [Claim::Claimed, Claim::Unclaimed] {
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
        assert_eq!(happened, ["first", "second", "unmask"]);
        first.disable().unwrap();
        assert_eq!(log.count("disconnect"), 0, "the other one needs it");
        second.disable().unwrap();
        assert_eq!(log.count("disconnect"), 1);
    }
}

/// The line stays masked also if a member that kept it masked unmasks it while others have not claimed yet.
// Caught: a line that is opened in the middle of a round.
#[test]
fn i7_not_opened_before_all_have_answered() {
    let log = Log::new();
    let (source, device) = Script::waking(&log);
    let shared = SharedLine::new(source).unwrap();
    let keeper = member(&shared, &log, "keeper", || Claim::ClaimedKeepMasked);
    let other = member(&shared, &log, "other", || Claim::Unclaimed);
    device.assert();
    keeper.service();
    keeper.unmask();
    assert_eq!(log.count("unmask"), 0);
    other.service();
    assert_eq!(log.count("unmask"), 1);
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
            assert_eq!(bad.state(), State::Faulted);
        }
    });
}

/// A member is disabled, or dropped, while the line waits for its claim.
// Caught: a member that leaves without calling the next.
#[test]
fn i7_a_disabled_member_does_not_silence_the_others() {
    for dropped in [true, false] {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let first = member(&shared, &log, "first", || Claim::Unclaimed);
        let (other, other_interrupt) = device(&shared, &line, &log, "other", None);
        other.store(true, Ordering::SeqCst);
        line.assert(); // now the line waits for the first, which nobody serves
        if dropped {
            drop(first);
        } else {
            first.disable().unwrap();
        }
        log.wait_for("other", 1);
        assert_eq!(log.count("first"), 1, "what was signalled before it was disabled is delivered");
        drop(other_interrupt);
    }
}

/// A member that is disabled before its turn in a round gets its ISR run all the same.
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

/// While the lock of one member is held, the line waits, and the locks of the other members are free.
// Caught: the next one's turn given away before the answer.
#[test]
fn i7_the_members_locks_are_independent() {
    watchdog(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let (inside, go) = (Gate::new(), Gate::new());
        let isr = (inside.clone(), go.clone());
        let slow = Interrupt::builder(())
            .isr(move |_| {
                isr.0.open();
                isr.1.wait();
                Claim::Unclaimed
            })
            .source(shared.member())
            .build()
            .unwrap();
        slow.enable().unwrap();
        let (asserted, other) = device(&shared, &line, &log, "other", None);
        asserted.store(true, Ordering::SeqCst);
        line.assert();
        inside.wait();
        drop(other.acquire_interrupt_lock());
        assert_eq!(shared.stats().claimed, 0);
        assert_eq!(other.service(), Delivery::Nothing, "it is not its turn");
        go.open();
        log.wait_for("other", 1);
    });
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
        device.perform(Step::Stuck(true));
        for member in &members {
            until(|| member.state() == State::Faulted);
            assert!(matches!(member.fault(), Some(Fault::Storm { unclaimed: 99_900, .. })));
        }
        device.perform(Step::Stuck(false));
        device.registers().write32(0x64, !0);
        for member in &members {
            member.clear_fault().unwrap();
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
