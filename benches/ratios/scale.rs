//! Thousands of interrupts on one dispatcher: what one of them costs, beside one among few.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::source::{EdgeHandle, Software};
use interrupt_lock::{Claim, Dispatcher, Interrupt, NoWorkItem, WithWorkItem, Work};

use crate::placement::{move_to, processors};
use crate::table::{Figure, Figures, Table, nanoseconds};

/// All is on one processor, so that none of the measures that are compared is on a slower one.
pub fn measure(table: &mut Table) {
    let last = processors().pop().unwrap();
    thread::scope(|threads| {
        let measured = threads.spawn(|| {
            move_to(last);
            software(table);
            work_items(table);
            building(table);
            silent(table);
        });
        measured.join().unwrap();
    });
}

/// How many interrupts share the dispatcher, and with how many it is compared.
const MANY: usize = 9_000;
const FEW: usize = 62;

/// How many deliveries are left in a turn, and when the last was made.
struct Turn {
    epoch: Instant,
    left: AtomicU64,
    /// Nanoseconds since `epoch`; 0 for not yet.
    ended: AtomicU64,
}

impl Turn {
    fn new() -> Arc<Self> {
        Arc::new(Self { epoch: Instant::now(), left: AtomicU64::new(0), ended: AtomicU64::new(0) })
    }

    /// Notes one delivery. Returns whether another is to follow. Only one thread delivers.
    fn goes_on(&self) -> bool {
        let left = self.left.load(SeqCst);
        if left == 0 {
            // What was signalled in the last turn.
            return false;
        }
        self.left.store(left - 1, SeqCst);
        if left == 1 {
            self.ended.store(self.epoch.elapsed().as_nanos() as u64, SeqCst);
        }
        left != 1
    }

    /// Runs `rounds` deliveries, which `start` sets off. Returns the time of each.
    fn run(&self, rounds: u64, start: impl FnOnce()) -> Figure {
        self.left.store(rounds, SeqCst);
        self.ended.store(0, SeqCst);
        let begun = self.epoch.elapsed().as_nanos() as u64;
        start();
        while self.ended.load(SeqCst) == 0 {
            thread::sleep(Duration::from_micros(100));
        }
        (self.ended.load(SeqCst) - begun) as Figure / rounds as Figure
    }
}

/// `others` interrupts with software sources on one dispatcher, and one more: its ISR asserts its own line until the
/// turn is over.
fn one_among(others: usize, turn: &Arc<Turn>) -> (EdgeHandle, Vec<Interrupt<(), NoWorkItem>>) {
    let dispatcher = Dispatcher::new().unwrap();
    let (source, line) = Software::edge();
    let (again, turn) = (line.clone(), turn.clone());
    let builder = Interrupt::builder(()).isr(move |_| {
        if turn.goes_on() {
            again.assert();
        }
        Claim::Claimed
    });
    let one = builder.source(source).dispatcher(&dispatcher).build().unwrap();
    let mut all: Vec<_> = (0..others).map(|_| plain(&dispatcher, None).1).collect();
    all.push(one);
    all.iter().for_each(enable);
    (line, all)
}

/// A disabled interrupt with a software source.
fn plain(dispatcher: &Dispatcher, poll_when_silent: Option<Duration>) -> (EdgeHandle, Interrupt<(), NoWorkItem>) {
    let (source, line) = Software::edge();
    let builder = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).dispatcher(dispatcher);
    let builder = match poll_when_silent {
        Some(period) => builder.poll_when_silent(period),
        None => builder,
    };
    (line, builder.build().unwrap())
}

fn enable<W: Send + 'static>(interrupt: &Interrupt<(), W>) {
    interrupt.enable().unwrap();
}

fn software(table: &mut Table) {
    const TURNS: usize = 25;
    const ROUNDS: u64 = 2_000;
    let name = "software source, 1 of 9,000 / 1 of 62";
    if !table.wants(name) {
        return;
    }
    let turn = Turn::new();
    let ((many, _of_many), (few, _of_few)) = (one_among(MANY - 1, &turn), one_among(FEW - 1, &turn));
    let ours = || turn.run(ROUNDS, || many.assert());
    let peer = || turn.run(ROUNDS, || few.assert());
    table.line(name, &Figures::in_turns(TURNS, ours, peer, None));
}

/// As `software`, for a work item that asks for another run until the turn is over.
fn work_items(table: &mut Table) {
    const TURNS: usize = 25;
    const ROUNDS: u64 = 2_000;
    let name = "work item, 1 of 9,000 / 1 of 62";
    if !table.wants(name) {
        return;
    }
    let turn = Turn::new();
    let build = |others: usize| {
        let dispatcher = Dispatcher::new().unwrap();
        let builder = || Interrupt::builder(()).isr(|_| Claim::Claimed).source(Software::edge().0);
        let mut all: Vec<Interrupt<(), WithWorkItem>> =
            (0..others).map(|_| builder().work_item(|_| ()).dispatcher(&dispatcher).build().unwrap()).collect();
        let turn = turn.clone();
        all.push(
            builder()
                .work_item(move |_| if turn.goes_on() { Work::Again } else { Work::Done })
                .dispatcher(&dispatcher)
                .build()
                .unwrap(),
        );
        all.iter().for_each(enable);
        all
    };
    let (many, few) = (build(MANY - 1), build(FEW - 1));
    let run = |all: &[Interrupt<(), WithWorkItem>]| {
        turn.run(ROUNDS, || {
            all[all.len() - 1].queue_work_item();
        })
    };
    table.line(name, &Figures::in_turns(TURNS, || run(&many), || run(&few), None));
}

/// The build of an interrupt on a dispatcher that has 10,000, beside one that has ten.
fn building(table: &mut Table) {
    const TURNS: usize = 300;
    const BUILT: usize = 10;
    let name = "build of the 10,000th interrupt / of the 10th";
    if !table.wants(name) {
        return;
    }
    let with = |others: usize| {
        let dispatcher = Dispatcher::new().unwrap();
        let others: Vec<_> = (0..others).map(|_| plain(&dispatcher, None)).collect();
        (dispatcher, others)
    };
    let ((many, _many), (few, _few)) = (with(10_000 - BUILT), with(0));
    let build = |dispatcher: &Dispatcher| {
        let begun = Instant::now();
        let built: [_; BUILT] = std::array::from_fn(|_| plain(dispatcher, None));
        let took = nanoseconds(begun.elapsed()) / BUILT as Figure;
        drop(built);
        took
    };
    table.line(name, &Figures::in_turns(TURNS, || build(&many), || build(&few), None));
}

/// The first delivery after many interrupts have been enabled, which their dispatcher polls when they are silent. The
/// peer does not ask for that.
fn silent(table: &mut Table) {
    const TURNS: usize = 15;
    let name = "first delivery after 9,000 with poll_when_silent / without";
    if !table.wants(name) {
        return;
    }
    let first = |period: Option<Duration>| {
        let (dispatcher, turn) = (Dispatcher::new().unwrap(), Turn::new());
        let (source, line) = Software::edge();
        let its = turn.clone();
        let builder = Interrupt::builder(()).isr(move |_| {
            its.goes_on();
            Claim::Claimed
        });
        let first: Interrupt<(), NoWorkItem> = builder.source(source).dispatcher(&dispatcher).build().unwrap();
        first.enable().unwrap();
        let silent: Vec<_> = (0..MANY).map(|_| plain(&dispatcher, period)).collect();
        silent.iter().for_each(|(_, interrupt)| enable(interrupt));
        turn.run(1, || line.assert())
    };
    let hour = Duration::from_secs(3_600);
    table.line(name, &Figures::in_turns(TURNS, || first(Some(hour)), || first(None), None));
}
