//! Rule I7 where it meets other rules: a source that panics, an inactive sleeper, a line that is kept masked, a disable
//! beside a busy dispatcher, a removal.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use interrupt_lock::source::{LevelHandle, Ready, SharedLine, Software, Source};
use interrupt_lock::{Claim, Delivery, Device, Dispatcher, Fault, Info, Interrupt, NoWorkItem, SourceError, State};
use support::log::Log;
use support::script::Script;
use support::{Gate, until, watchdog};

type Member = Interrupt<(), NoWorkItem>;

fn member(shared: &SharedLine, mut isr: impl FnMut() -> Claim + Send + 'static) -> Member {
    let builder = Interrupt::builder(()).isr(move |_| isr()).source(shared.member());
    let interrupt = builder.without_dispatcher().build().unwrap();
    interrupt.enable().unwrap();
    interrupt
}

/// Clears the faults of all, and enables them.
fn start_again(members: &[&Member]) {
    members.iter().for_each(|member| assert!(member.clear_fault().unwrap().is_some()));
    members.iter().for_each(|member| _ = member.enable().unwrap());
}

/// The panic is an error for all members, wherever it happens. Once all have left, the line works again.
// Caught: a seat that stays after its member has gone; a line that is neither unmasked nor given up.
#[test]
fn i7_a_source_that_panics_is_an_error_for_all() {
    let (source, device) = Script::waking(&Log::new());
    let shared = SharedLine::new(source).unwrap();
    let panics = |method| device.on(method, || panic!("on purpose"));
    let works = |method| device.on(method, || ());
    let has_failed = |member: &Member| {
        assert_eq!(member.service(), Delivery::NotServed);
        let Some(Fault::Source(SourceError::Refused(why))) = member.fault() else { panic!("{:?}", member.fault()) };
        assert!(why.as_str().contains("on purpose"), "{why}");
    };

    panics("connect");
    let first = Interrupt::builder(()).isr(|_| Claim::Claimed).source(shared.member());
    let first: Member = first.without_dispatcher().build().unwrap();
    assert!(format!("{:#}", first.enable().unwrap_err()).contains("on purpose"));
    works("connect");
    first.enable().unwrap();
    let second = member(&shared, || Claim::Claimed);
    let both = [&first, &second];

    device.assert();
    panics("unmask");
    assert_eq!(first.service(), Delivery::Answered(Claim::Claimed));
    works("unmask");
    both.iter().for_each(|member| has_failed(member));
    start_again(&both);

    panics("take");
    device.assert();
    assert_eq!(first.service(), Delivery::NotServed);
    works("take");
    both.iter().for_each(|member| has_failed(member));
    start_again(&both);

    // In the look of one that leaves.
    panics("take");
    let _ = first.disable();
    works("take");
    has_failed(&second);
    let _ = first.clear_fault().unwrap();
    first.enable().unwrap();
    start_again(&[&second]);

    device.assert();
    for member in both {
        assert_eq!(member.service(), Delivery::Answered(Claim::Claimed));
    }
}

/// A level source whose `answered` panics when it is told to.
struct Answering {
    software: Software,
    panics: Arc<AtomicBool>,
}

impl Source for Answering {
    fn info(&self) -> Info {
        self.software.info()
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        self.software.connect(waker)
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.software.disconnect()
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        self.software.take()
    }

    fn unmask(&mut self) -> Result<(), SourceError> {
        self.software.unmask()
    }

    fn answered(&mut self, _: Claim) -> bool {
        assert!(!self.panics.swap(false, SeqCst), "on purpose");
        true
    }
}

/// A source that panics as it is told of a claim leaves nothing of that claim behind.
// Caught: a line that is kept masked through the fault, and for ever.
#[test]
fn i12_a_source_that_panics_as_it_is_told_of_a_claim() {
    for first in [Claim::ClaimedKeepMasked, Claim::Unclaimed] {
        let (software, line) = Software::level();
        let panics = Arc::new(AtomicBool::new(true));
        let mut claims = [first, Claim::Unclaimed, Claim::Claimed].into_iter();
        let interrupt = Interrupt::builder(())
            .isr(move |_| claims.next().unwrap())
            .source(Answering { software, panics })
            .without_dispatcher()
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        line.assert();
        interrupt.service();
        assert_eq!(interrupt.state(), State::Faulted);
        assert!(interrupt.clear_fault().unwrap().is_some());
        interrupt.enable().unwrap();
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Unclaimed));
        assert_eq!(interrupt.service(), Delivery::Answered(Claim::Claimed), "still asserted");
    }
}

/// A sleeper that is told of a signal, and then reported inactive, has not claimed.
// Caught: one that holds the line masked until it is active again.
#[test]
fn i7_a_sleeper_that_is_reported_inactive() {
    let (source, line) = Software::level();
    let shared = SharedLine::new(source).unwrap();
    // Once it is in low power, the device does not come back.
    let fails = Arc::new(AtomicBool::new(false));
    let theirs = fails.clone();
    let entry = move || if theirs.load(SeqCst) { Err("no clock") } else { Ok(()) };
    let device = Device::builder("nic").on_d0_entry(entry).build();
    let asleep = Interrupt::builder(()).isr(|_| Claim::Unclaimed).source(shared.member()).device(&device);
    let asleep: Member = asleep.wake_capable().without_dispatcher().build().unwrap();
    device.enter_d0().unwrap();
    fails.store(true, SeqCst);
    let other = member(&shared, || Claim::Unclaimed);
    device.exit_d0().unwrap();
    line.assert();
    assert_eq!(asleep.service(), Delivery::Withheld);
    assert_eq!(other.service(), Delivery::Answered(Claim::Unclaimed));
    assert_eq!(other.service(), Delivery::Nothing, "the sleeper has not answered");
    asleep.report_inactive().unwrap();
    assert_eq!(other.service(), Delivery::Answered(Claim::Unclaimed));
}

/// The assertions that a member has withheld are answered, so its claim for them is none that unmasks the line.
// Caught: a run for what was withheld that opens a line which its own member keeps masked.
#[test]
fn i6_a_run_for_what_was_withheld_does_not_open_a_line_that_is_kept_masked() {
    let (source, line) = Software::level();
    let shared = SharedLine::new(source).unwrap();
    let other = Arc::new(Mutex::new(None::<Member>));
    let (theirs, mut claims) = (other.clone(), [Claim::ClaimedKeepMasked, Claim::Claimed].into_iter());
    let keeper = member(&shared, move || {
        let claim = claims.next().unwrap();
        if claim == Claim::ClaimedKeepMasked {
            // Another claims meanwhile, and the line, still asserted, signals again.
            let other = theirs.lock().unwrap();
            assert_eq!(other.as_ref().unwrap().service(), Delivery::Answered(Claim::Claimed));
        }
        claim
    });
    *other.lock().unwrap() = Some(member(&shared, || Claim::Claimed));
    line.assert();
    assert_eq!(keeper.service(), Delivery::Answered(Claim::ClaimedKeepMasked));
    keeper.report_inactive().unwrap();
    assert_eq!(keeper.service(), Delivery::Withheld);
    keeper.report_active().unwrap();
    let other = other.lock().unwrap();
    let other = other.as_ref().unwrap();
    assert_eq!(other.service(), Delivery::Answered(Claim::Claimed), "it had been signalled");
    assert_eq!(other.service(), Delivery::Nothing, "the line is kept masked");
    keeper.unmask();
    assert_eq!(other.service(), Delivery::Answered(Claim::Claimed));
}

/// A disable serves what is signalled, also where the dispatcher would have served an earlier member first.
// Caught: a member that steps back behind an earlier one in its disable.
#[test]
fn i7_a_disable_beside_a_busy_dispatcher_is_told() {
    watchdog(|| {
        let dispatcher = Dispatcher::new().unwrap();
        let (inside, go) = (Gate::new(), Gate::new());
        let (isr, (source, edge)) = ((inside.clone(), go.clone()), Software::edge());
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
        let (source, line) = Software::level();
        let shared = SharedLine::new(source).unwrap();
        let runs: [Arc<AtomicUsize>; 2] = Default::default();
        let members = runs.each_ref().map(|runs| {
            let (runs, quiet) = (runs.clone(), line.clone());
            let isr = move |_: &mut interrupt_lock::IsrContext<'_, (), NoWorkItem>| {
                runs.fetch_add(1, SeqCst);
                quiet.deassert();
                Claim::Claimed
            };
            let member = Interrupt::builder(()).isr(isr).source(shared.member()).dispatcher(&dispatcher);
            let member: Member = member.build().unwrap();
            member.enable().unwrap();
            member
        });
        edge.assert();
        inside.wait();
        line.assert();
        members[1].disable().unwrap();
        assert_eq!((runs[1].load(SeqCst), members[1].stats().stale), (1, 0));
        go.open();
    });
}

/// Counts its wake-ups. At the first it has another member look at the line.
struct Looks {
    wakes: AtomicUsize,
    other: Mutex<Option<interrupt_lock::source::LineMember>>,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
        if let Some(other) = &mut *self.other.lock().unwrap() {
            assert_eq!(other.take(), Ok(0));
        }
    }
}

/// All members are woken for a removal, also one that looks at the line meanwhile, for another reason.
// Caught: a look that takes a wake-up back which is still to be made.
#[test]
fn i13_a_removal_wakes_all_members_of_a_line() {
    let (source, line): (_, LevelHandle) = Software::level();
    let shared = SharedLine::new(source).unwrap();
    let looks = || Arc::new(Looks { wakes: AtomicUsize::new(0), other: Mutex::new(None) });
    let (first, second) = (looks(), looks());
    let [mut one, mut two] = [(); 2].map(|()| shared.member());
    one.connect(&Waker::from(first.clone())).unwrap();
    two.connect(&Waker::from(second.clone())).unwrap();
    *first.other.lock().unwrap() = Some(two);
    line.request_removal();
    assert_eq!((first.wakes.load(SeqCst), second.wakes.load(SeqCst)), (1, 1));
    until(|| one.removal().is_some());
}
