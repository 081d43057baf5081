//! Rule I7: the order in which a shared line asks its members. The members here are sources by themselves, or have a
//! common dispatcher.

use std::sync::Arc;
use std::task::{Wake, Waker};

use interrupt_lock::source::{LineMember, Ready, SharedLine, Software};
use interrupt_lock::{Claim, Dispatcher, Info, Interrupt, NoWorkItem, SourceError, source::Source};
use support::log::Log;
use support::{Gate, until, watchdog};

/// Logs a wake-up.
struct Named(&'static str, Log);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.add(self.0);
    }
}

fn connected<const N: usize>(shared: &SharedLine, log: &Log, names: [&'static str; N]) -> [LineMember; N] {
    names.map(|name| {
        let mut member = shared.member();
        member.connect(&Waker::from(Arc::new(Named(name, log.clone())))).unwrap();
        member
    })
}

/// Runs `body` on a dispatcher's thread: only there does a member step back.
fn on_a_dispatcher(body: impl FnOnce() + Send + 'static) {
    watchdog(|| {
        let ((source, edge), mut body) = (Software::edge(), Some(body));
        let interrupt = Interrupt::builder(()).source(source).isr(move |_| {
            body.take().expect("it runs once")();
            Claim::Claimed
        });
        let interrupt: Interrupt<(), NoWorkItem> = interrupt.build().unwrap();
        interrupt.enable().unwrap();
        edge.assert();
        until(|| interrupt.stats().claimed == 1 || interrupt.fault().is_some());
        assert_eq!(interrupt.fault(), None);
    });
}

/// Takes on another thread, as a driver's own loop or a disable does.
fn take_elsewhere(member: &mut LineMember) -> Result<u64, SourceError> {
    std::thread::scope(|scope| scope.spawn(|| member.take()).join().unwrap())
}

/// A member without a dispatcher: its waker wakes nobody.
fn own_loop(shared: &SharedLine) -> LineMember {
    let mut member = shared.member();
    member.connect(Waker::noop()).unwrap();
    member
}

/// All members are woken for a signal, in the order of their connection, and once until they come.
// Caught: a line that wakes the first alone, or the last first; a wake-up for each look.
#[test]
fn i7_all_are_woken_in_order_of_connection() {
    let (log, (source, line)) = (Log::new(), Software::level());
    let shared = SharedLine::new(source).unwrap();
    let mut members = connected(&shared, &log, ["a", "b", "c"]);
    for _ in 0..3 {
        line.assert();
        assert_eq!(log.take(), ["a", "b", "c"]);
        for member in &mut members {
            assert_eq!(member.take(), Ok(1));
        }
        line.deassert();
        members[2].unmask().unwrap();
        assert!(log.take().is_empty());
    }
}

/// The member that finds that the line has signalled has the others woken: the source may have told that one alone.
// Caught: a round of which only the source tells.
#[test]
fn i7_the_member_that_looks_first_wakes_the_others() {
    let log = Log::new();
    // The second and the third look as they connect.
    let shared = SharedLine::new(Counts(vec![0, 0, 1].into_iter())).unwrap();
    let [mut a, mut b, mut c] = connected(&shared, &log, ["a", "b", "c"]);
    assert_eq!(a.take(), Ok(1));
    assert_eq!(log.take(), ["b", "c"]);
    assert_eq!((b.take(), c.take()), (Ok(1), Ok(1)));
    assert!(log.take().is_empty());
}

/// A member lets those before it go first: it is told nothing and is woken again, once for each of them at most.
// Caught: a member that overtakes; one that waits for ever for a member that does not come.
#[test]
fn i7_a_member_steps_back_for_those_before_it() {
    on_a_dispatcher(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let [mut a, mut b, mut c] = connected(&shared, &log, ["a", "b", "c"]);
        line.assert();
        log.take();
        for _ in 0..2 {
            assert_eq!(c.take(), Ok(0));
            assert_eq!(log.take(), ["c"]);
        }
        assert_eq!(c.take(), Ok(1), "it goes ahead");
        assert_eq!(b.take(), Ok(0));
        assert_eq!(a.take(), Ok(1));
        assert_eq!(b.take(), Ok(1));
        for member in [&mut a, &mut b, &mut c] {
            member.answered(Claim::Unclaimed);
        }
        // Another round: still asserted.
        assert_eq!(c.take(), Ok(0));
        assert_eq!(a.take(), Ok(1));
        assert_eq!(b.take(), Ok(1));
        assert_eq!(c.take(), Ok(1));
        line.deassert();
    });
}

/// A member does not step back for one that is late, and not if nothing would make it come again.
// Caught: each of the two conditions left out.
#[test]
fn i7_nobody_steps_back_for_a_late_member() {
    on_a_dispatcher(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let [mut late, mut second] = connected(&shared, &log, ["late", "second"]);
        let mut third = own_loop(&shared);
        line.assert();
        assert_eq!(take_elsewhere(&mut third), Ok(1), "a loop of its own does not come back");
        assert_eq!(second.take(), Ok(0));
        assert_eq!(second.take(), Ok(1));
        for round in 2..5 {
            second.unmask().unwrap(); // claimed: the next round begins
            assert_eq!(second.take(), Ok(1), "the first is late for round {}", round - 1);
        }
        assert_eq!(late.take(), Ok(4));
        assert_eq!(take_elsewhere(&mut third), Ok(3));
    });
}

/// However often rounds begin, a member that lets others go first is told soon: it does not step back anew for each.
// Caught: the count of steps begun anew with each round.
#[test]
fn i7_nobody_steps_back_for_ever() {
    on_a_dispatcher(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let [mut first, mut second] = connected(&shared, &log, ["first", "second"]);
        line.assert();
        assert_eq!(second.take(), Ok(0));
        assert_eq!(first.take(), Ok(1));
        first.unmask().unwrap();
        assert_eq!(second.take(), Ok(2));
    });
}

/// With a common dispatcher the ISRs run in the order of connection, whatever the order in which the interrupts were
/// built.
// Caught: no member steps back; a member steps back once only.
#[test]
fn i7_prompt_members_of_one_dispatcher_run_in_order_of_connection() {
    watchdog(|| {
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [3, 0, 1, 2], [1, 2, 3, 0]];
        for order in orders {
            let (log, (source, line)) = (Log::new(), Software::level());
            let shared = SharedLine::new(source).unwrap();
            let dispatcher = Dispatcher::new().unwrap();
            let names = ["a", "b", "c", "d"];
            let members = names.map(|name| {
                let (log, line) = (log.clone(), line.clone());
                let last = name == names[order[3]];
                Interrupt::builder(())
                    .name(name)
                    .isr(move |_| {
                        if last {
                            line.deassert();
                        }
                        log.add(name);
                        if last { Claim::Claimed } else { Claim::Unclaimed }
                    })
                    .source(shared.member())
                    .dispatcher(&dispatcher)
                    .build()
                    .unwrap()
            });
            let busy = Busy::new(&dispatcher);
            for place in order {
                members[place].enable().unwrap();
            }
            for _ in 0..20 {
                // All have been woken before the dispatcher comes to any.
                let go = busy.begin();
                line.assert();
                go.open();
                log.wait_for(names[order[3]], 1);
                assert_eq!(log.take(), order.map(|place| names[place]));
            }
        }
    });
}

/// An interrupt whose ISR keeps a dispatcher busy.
struct Busy {
    _interrupt: Interrupt<(), interrupt_lock::NoWorkItem>,
    edge: interrupt_lock::source::EdgeHandle,
    gates: std::sync::mpsc::Sender<(Gate, Gate)>,
}

impl Busy {
    fn new(dispatcher: &Dispatcher) -> Self {
        let (source, edge) = Software::edge();
        let (gates, next) = std::sync::mpsc::channel::<(Gate, Gate)>();
        let interrupt = Interrupt::builder(())
            .isr(move |_| {
                let (inside, go) = next.recv().unwrap();
                inside.open();
                go.wait();
                Claim::Claimed
            })
            .source(source)
            .dispatcher(dispatcher)
            .build()
            .unwrap();
        interrupt.enable().unwrap();
        Self { _interrupt: interrupt, edge, gates }
    }

    /// Keeps the dispatcher busy until the gate that this returns is opened.
    fn begin(&self) -> Gate {
        let (inside, go) = (Gate::new(), Gate::new());
        self.gates.send((inside.clone(), go.clone())).unwrap();
        self.edge.assert();
        inside.wait();
        go
    }
}

/// What a line signals, one after the other.
struct Counts(std::vec::IntoIter<u64>);

impl Source for Counts {
    fn info(&self) -> Info {
        Info::new()
    }

    fn ready(&mut self) -> Ready<'_> {
        Ready::Waker
    }

    fn connect(&mut self, _: &Waker) -> Result<(), SourceError> {
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn take(&mut self) -> Result<u64, SourceError> {
        Ok(self.0.next().unwrap_or(0))
    }
}

/// What a late member is owed ends at the largest number.
// Caught: a sum that wraps, of what a member is owed and of what is left as it leaves.
#[test]
fn i7_what_a_late_member_is_owed_saturates() {
    let shared = SharedLine::new(Counts(vec![0, u64::MAX - 1, 2, 0, 0, 7].into_iter())).unwrap();
    let mut prompt = own_loop(&shared);
    let mut late = own_loop(&shared);
    assert_eq!(prompt.take(), Ok(u64::MAX - 1));
    assert_eq!(prompt.take(), Ok(2));
    prompt.disconnect().unwrap();
    // One look as it leaves, then what the source still has.
    late.disconnect().unwrap();
    assert_eq!(late.take(), Ok(u64::MAX));
}

/// A member that connects while the line is masked for one that is late may be the one whose device asserts: it is told.
/// If the line has been claimed it is not.
// Caught: a new member that waits for the late one; one that is told of what others have claimed.
#[test]
fn i7_a_member_that_connects_in_a_round() {
    on_a_dispatcher(|| {
        let (log, (source, line)) = (Log::new(), Software::level());
        let shared = SharedLine::new(source).unwrap();
        let [mut late] = connected(&shared, &log, ["late"]);
        line.assert();
        log.take();
        let [mut new] = connected(&shared, &log, ["new"]);
        assert_eq!(log.take(), ["new"], "what had been signalled may be for this one");
        assert_eq!((new.take(), new.take()), (Ok(0), Ok(1)));
        late.take().unwrap();
        late.answered(Claim::Unclaimed);
        assert_eq!(shared.stats().spurious, 0, "the new one has to answer too");
        line.deassert();
        new.unmask().unwrap();
        assert_eq!(shared.stats().claimed, 1);
        log.take();
        let [mut newer] = connected(&shared, &log, ["newer"]);
        assert_eq!(newer.take(), Ok(0));
        assert!(log.take().is_empty());
    });
}

/// A round ends as the last member leaves: the next to connect is told nothing of it.
// Caught: a line that keeps its round without a member.
#[test]
fn i7_no_round_outlives_the_last_member() {
    let (source, line) = Software::level();
    let shared = SharedLine::new(source).unwrap();
    let mut member = own_loop(&shared);
    line.assert();
    assert_eq!(member.take(), Ok(1));
    line.deassert();
    member.disconnect().unwrap();
    assert_eq!(member.take(), Ok(0));
    assert_eq!(own_loop(&shared).take(), Ok(0));
}
