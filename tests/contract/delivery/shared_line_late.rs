//! Rule I7: a member of a shared line that is inactive, faulted, removed or late neither silences nor delays the others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use interrupt_lock::source::{LevelHandle, SharedLine, Software};
use interrupt_lock::{Claim, Delivery, Dispatcher, Interrupt, NoWorkItem, State, source::Source};
use support::{Gate, until, watchdog};

type Member = Interrupt<(), NoWorkItem>;

/// A device on the line, with an interrupt that has a dispatcher of its own.
struct Device {
    line: LevelHandle,
    asserted: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    interrupt: Member,
}

impl Device {
    fn new(shared: &SharedLine, line: &LevelHandle) -> Self {
        Self::with(shared, line, false)
    }

    /// `asserts`: the device asserts already as its interrupt is enabled.
    fn with(shared: &SharedLine, line: &LevelHandle, asserts: bool) -> Self {
        let (asserted, served) = (Arc::new(AtomicBool::new(asserts)), Arc::new(AtomicU64::new(0)));
        let (theirs, quiet, count) = (asserted.clone(), line.clone(), served.clone());
        let interrupt = Interrupt::builder(())
            .name("device")
            .isr(move |_| {
                if !theirs.swap(false, SeqCst) {
                    return Claim::Unclaimed;
                }
                quiet.deassert();
                count.fetch_add(1, SeqCst);
                Claim::Claimed
            })
            .source(shared.member())
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        Self { line: line.clone(), asserted, served, interrupt }
    }

    /// Asserts so often. Each time it waits until its ISR has claimed.
    fn is_served(&self, times: u64) {
        for _ in 0..times {
            let before = self.served.load(SeqCst);
            self.asserted.store(true, SeqCst);
            self.line.assert();
            until(|| self.served.load(SeqCst) != before);
        }
        // The claim is told to the line after the ISR.
        drop(self.interrupt.acquire_interrupt_lock());
    }
}

/// What the first member's ISR was told, run by run.
type Told = Arc<Mutex<Vec<u64>>>;

/// The first member of the line, whose device never asserts. `dispatcher` is `None` if nothing serves it.
fn first(shared: &SharedLine, dispatcher: Option<&Dispatcher>) -> (Member, Told) {
    let told = Told::default();
    let theirs = told.clone();
    let builder = Interrupt::builder(()).name("first").source(shared.member()).isr(move |cx| {
        theirs.lock().unwrap().push(cx.assertions());
        Claim::Unclaimed
    });
    let interrupt = match dispatcher {
        Some(dispatcher) => builder.dispatcher(dispatcher).build(),
        None => builder.without_dispatcher().build(),
    }
    .unwrap();
    interrupt.enable().unwrap();
    (interrupt, told)
}

fn line() -> (SharedLine, LevelHandle) {
    let (source, line) = Software::level();
    (SharedLine::new(source).unwrap(), line)
}

fn wait_for(told: &Told, expected: &[u64]) {
    until(|| told.lock().unwrap().len() >= expected.len());
    assert_eq!(*told.lock().unwrap(), expected);
}

/// What is signalled to an inactive member is withheld from that one alone.
// Caught: a member that withholds without a word to the line.
#[test]
fn i7_an_inactive_member_does_not_silence_the_others() {
    watchdog(|| {
        let (shared, line) = line();
        let (first, told) = first(&shared, Some(&Dispatcher::new().unwrap()));
        let device = Device::new(&shared, &line);
        first.report_inactive().unwrap();
        device.is_served(100);
        assert!(told.lock().unwrap().is_empty());
        first.report_active().unwrap();
        wait_for(&told, &[100]);
        assert_eq!((first.stats().coalesced, first.stats().benign), (99, 1));
        assert_eq!((shared.stats().claimed, shared.stats().spurious), (100, 0));
        device.is_served(1);
        wait_for(&told, &[100, 1]);
    });
}

/// An inactive member counts as one that has not claimed: a round that the others don't claim either ends.
// Caught: as above.
#[test]
fn i7_an_inactive_member_does_not_hold_up_a_round_that_nobody_claims() {
    let (shared, line) = line();
    let (inactive, _) = first(&shared, None);
    let (other, told) = first(&shared, None);
    inactive.report_inactive().unwrap();
    line.assert();
    for round in 1..=3 {
        assert_eq!(other.service(), Delivery::Answered(Claim::Unclaimed));
        assert_eq!(other.service(), Delivery::Nothing, "the line waits for the other one");
        assert_eq!(inactive.service(), Delivery::Withheld);
        assert_eq!((shared.stats().spurious, told.lock().unwrap().len()), (round, round as usize));
    }
}

/// A level line that is not shared stays masked while its signal is withheld.
// Caught: an unmask in place of the word to the source.
#[test]
fn e8_a_line_of_one_stays_masked_while_withheld() {
    let (source, line) = Software::level();
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    interrupt.report_inactive().unwrap();
    line.assert();
    assert_eq!(interrupt.service(), Delivery::Withheld);
    assert_eq!(interrupt.service(), Delivery::Nothing);
    line.deassert();
    interrupt.report_active().unwrap();
    assert_eq!((interrupt.stats().delivered, interrupt.stats().coalesced), (1, 0));
}

/// A member that faults, or whose device goes, leaves the line. It may come back.
// Caught: a member that leaves without an answer in its name.
#[test]
fn i7_a_faulted_or_removed_member_does_not_silence_the_others() {
    for removed in [false, true] {
        watchdog(move || {
            let (shared, line) = line();
            let runs = Arc::new(AtomicU64::new(0));
            let count = runs.clone();
            let bad = Interrupt::builder(())
                .isr(move |_| match count.fetch_add(1, SeqCst) {
                    0 if removed => Claim::DeviceGone,
                    0 => panic!("on purpose"),
                    _ => Claim::Unclaimed,
                })
                .source(shared.member())
                .build()
                .unwrap();
            bad.enable().unwrap();
            let device = Device::new(&shared, &line);
            device.is_served(1);
            let expected = if removed { State::Removed } else { State::Faulted };
            until(|| bad.state() == expected);
            device.is_served(100);
            assert_eq!(runs.load(SeqCst), 1);
            if !removed {
                bad.clear_fault().unwrap();
                bad.enable().unwrap();
                device.is_served(1);
                until(|| runs.load(SeqCst) == 2);
            }
        });
    }
}

/// The first member's dispatcher is in the ISR of another interrupt. The second is served, and the first then gets all
/// in one run.
// Caught: a line that wakes the first member alone; one that stays masked until it has answered.
#[test]
fn i7_a_late_member_does_not_delay_the_others() {
    watchdog(|| {
        let (shared, line) = line();
        let dispatcher = Dispatcher::new().unwrap();
        let (inside, go) = (Gate::new(), Gate::new());
        let isr = (inside.clone(), go.clone());
        let (source, edge) = Software::edge();
        let busy = Interrupt::builder(())
            .isr(move |_| {
                isr.0.open();
                isr.1.wait();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(&dispatcher)
            .build()
            .unwrap();
        busy.enable().unwrap();
        let (first, told) = first(&shared, Some(&dispatcher));
        let device = Device::new(&shared, &line);
        edge.assert();
        inside.wait();
        device.is_served(100);
        assert_eq!(first.stats().delivered, 0);
        go.open();
        wait_for(&told, &[100]);
        device.is_served(1);
        wait_for(&told, &[100, 1]);
        assert_eq!((shared.stats().claimed, shared.stats().spurious), (101, 0));
    });
}

/// The first member's own ISR takes its time. The locks of the members are independent, and the second is served.
// Caught: a line that stays masked until all have answered.
#[test]
fn i7_a_slow_isr_does_not_delay_the_others() {
    watchdog(|| {
        let (shared, line) = line();
        let (inside, go) = (Gate::new(), Gate::new());
        let (isr, told) = ((inside.clone(), go.clone()), Told::default());
        let theirs = told.clone();
        let slow = Interrupt::builder(())
            .isr(move |cx| {
                theirs.lock().unwrap().push(cx.assertions());
                isr.0.open();
                isr.1.wait();
                Claim::Unclaimed
            })
            .source(shared.member())
            .build()
            .unwrap();
        slow.enable().unwrap();
        let device = Device::new(&shared, &line);
        device.is_served(1);
        inside.wait();
        device.is_served(100);
        go.open();
        wait_for(&told, &[1, 100]);
    });
}

/// The first member has no dispatcher, and its driver's own loop does not come.
// Caught: as above.
#[test]
fn i7_a_member_that_nobody_serves_does_not_delay_the_others() {
    watchdog(|| {
        let (shared, line) = line();
        let (first, told) = first(&shared, None);
        line.assert(); // before the other is there
        let device = Device::with(&shared, &line, true);
        until(|| device.served.load(SeqCst) == 1);
        device.is_served(100);
        let rounds = shared.stats().claimed;
        assert_eq!(first.service(), Delivery::Answered(Claim::Unclaimed));
        wait_for(&told, &[rounds]);
        assert_eq!(first.service(), Delivery::Nothing);
        device.is_served(1);
        assert_eq!(first.service(), Delivery::Answered(Claim::Unclaimed));
        assert_eq!(shared.stats().spurious, 0);
    });
}

/// The claim of a late member counts for the round that waits: its device may be the one that asserted.
// Caught: a claim that counts for its own round only.
#[test]
fn i7_a_late_claim_counts() {
    let (shared, line) = line();
    let mut late = shared.member();
    let mut other = shared.member();
    late.connect(std::task::Waker::noop()).unwrap();
    other.connect(std::task::Waker::noop()).unwrap();
    line.assert();
    assert_eq!((late.take(), other.take()), (Ok(1), Ok(1)));
    other.unmask().unwrap();
    assert_eq!(other.take(), Ok(1));
    other.answered(Claim::Unclaimed);
    line.deassert();
    late.unmask().unwrap();
    assert_eq!((shared.stats().claimed, shared.stats().spurious), (2, 0));
    line.assert();
    assert_eq!((late.take(), other.take()), (Ok(2), Ok(1)));
}

/// A member that keeps the line masked may be late, and run its ISR once more for an earlier round. It keeps the line
/// masked all the same, whatever that run claims.
// Caught: a line that is opened by the second run, claimed or not.
#[test]
fn i7_a_late_run_does_not_open_a_line_that_is_kept_masked() {
    for second in [Claim::Claimed, Claim::Unclaimed] {
        let (shared, line) = line();
        let other = Arc::new(Mutex::new(None::<Member>));
        let (theirs, mut claims) = (other.clone(), [Claim::ClaimedKeepMasked, second, Claim::Unclaimed].into_iter());
        let keeper = Interrupt::builder(())
            .isr(move |_| {
                let claim = claims.next().unwrap();
                if claim == Claim::ClaimedKeepMasked {
                    // Another claims meanwhile, and the line, still asserted, signals again.
                    let other = theirs.lock().unwrap();
                    assert_eq!(other.as_ref().unwrap().service(), Delivery::Answered(Claim::Claimed));
                }
                claim
            })
            .source(shared.member())
            .without_dispatcher()
            .build()
            .unwrap();
        keeper.enable().unwrap();
        let member = Interrupt::builder(()).isr(|_| Claim::Claimed).source(shared.member());
        let member = member.without_dispatcher().build().unwrap();
        member.enable().unwrap();
        *other.lock().unwrap() = Some(member);
        line.assert();
        assert_eq!(keeper.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
        assert_eq!(keeper.service(), Delivery::Answered(second));
        let other = other.lock().unwrap();
        let other = other.as_ref().unwrap();
        assert_eq!(other.service(), Delivery::Answered(Claim::Claimed), "it had been signalled");
        assert_eq!(other.service(), Delivery::Nothing, "the line is kept masked");
        keeper.unmask();
        assert_eq!(other.service(), Delivery::Answered(Claim::Claimed));
    }
}
