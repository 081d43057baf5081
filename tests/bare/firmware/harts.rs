//! Two harts, each with its timer, hammer one object of the common core. Nothing is lost, and nothing is served twice.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use harness::machine::{self, HARTS, SETTINGS, Setting};
use harness::{Case, expect, firmware};
use interrupt_lock::bare_metal::{Cpu, Platform};
use interrupt_lock::{Claim, InterruptObject, IsrContext, Name, WithWorkItem, Work, WorkItemContext};

firmware!(main, other);

/// How many vectors each hart takes in a phase.
const VECTORS: u32 = 5_000;

/// What is done to the object while vectors come.
struct Phase {
    name: &'static str,
    setting: &'static Setting,
    /// Hart 0 disables and enables it now and then.
    transitions: bool,
}

const PHASES: [Phase; 4] = [
    Phase { name: "sections", setting: &SETTINGS[0], transitions: false },
    Phase { name: "sections", setting: &SETTINGS[1], transitions: false },
    Phase { name: "transitions", setting: &SETTINGS[0], transitions: true },
    Phase { name: "transitions", setting: &SETTINGS[1], transitions: true },
];

struct Data {
    first: u32,
    second: u32,
    open: bool,
    on: bool,
    /// How many calls of `service()` had begun as the last ISR run began.
    seen: u32,
    /// How many of them the ISR was told of.
    served: u32,
    runs: u32,
    /// How many ISR runs the work item has seen.
    processed: u32,
}

impl Data {
    fn section(&mut self) {
        expect(!black_box(&*self).open, "two sections at once");
        expect(self.first == self.second, "torn data");
        black_box(&mut *self).open = true;
        black_box(&mut *self).first += 1;
        black_box(&mut *self).second += 1;
        black_box(&mut *self).open = false;
    }
}

static OBJECT: InterruptObject<Data, WithWorkItem> = InterruptObject::with_work_item(
    Name::new("both"),
    Data { first: 0, second: 0, open: false, on: false, seen: 0, served: 0, runs: 0, processed: 0 },
    isr,
    work,
)
.on_enable(|data| {
    data.on = true;
    Ok(())
})
.on_disable(|data| {
    data.on = false;
    Ok(())
});

/// Calls of `service()` in all. Each hart writes its own.
static CALLS: [AtomicU32; HARTS] = [const { AtomicU32::new(0) }; HARTS];
/// Vectors of this phase.
static TAKEN: [AtomicU32; HARTS] = [const { AtomicU32::new(0) }; HARTS];
/// How many harts run the work item.
static RUNNERS: AtomicU32 = AtomicU32::new(0);
/// A count that nothing protects, and what it should be. If nothing is lost there, the harts do not meet.
static UNPROTECTED: AtomicU32 = AtomicU32::new(0);
static EXPECTED: AtomicU32 = AtomicU32::new(0);
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

fn calls() -> u32 {
    // Acquire: pairs with the Release in `vector`. Its `service()` comes after it, so an ISR run for that call sees it.
    CALLS.iter().map(|calls| calls.load(Acquire)).sum()
}

fn isr(data: &mut IsrContext<'_, Data, WithWorkItem>) -> Claim {
    expect(data.on, "an ISR run before the enable callback, or after the disable callback");
    data.seen = calls();
    data.served += data.assertions() as u32;
    data.runs += 1;
    data.section();
    data.queue_work_item();
    Claim::Claimed
}

fn work(interrupt: &WorkItemContext<'_, Data>) -> Work {
    expect(RUNNERS.fetch_add(1, Relaxed) == 0, "two runs of the work item at once");
    interrupt.synchronize(|data| {
        data.section();
        data.processed = data.runs;
    });
    RUNNERS.fetch_sub(1, Relaxed);
    Work::Done
}

struct Machine;
static CPUS: [Cpu; HARTS] = [const { Cpu::new() }; HARTS];

// SAFETY: each hart has a `Cpu` of its own.
unsafe impl Platform for Machine {
    fn this_processor() -> &'static Cpu {
        &CPUS[machine::hart()]
    }

    fn mask() -> usize {
        usize::from(machine::mask())
    }

    fn unmask(_: usize) {
        machine::unmask();
    }
}

interrupt_lock::platform!(Machine);

/// Both harts take their vectors from here.
static VECTOR: Case = Case {
    name: "two harts",
    prepare: || {},
    operation: || {},
    check: || {},
    first: vector,
    seconds: &[("again", vector)],
    every_pair: false,
};

fn count_unprotected() {
    EXPECTED.fetch_add(1, Relaxed);
    UNPROTECTED.store(UNPROTECTED.load(Relaxed) + 1, Relaxed);
}

fn vector() {
    let hart = machine::hart();
    count_unprotected();
    CALLS[hart].store(CALLS[hart].load(Relaxed) + 1, Release);
    OBJECT.service();
    let taken = TAKEN[hart].load(Relaxed) + 1;
    TAKEN[hart].store(taken, Relaxed);
    if taken < VECTORS {
        arm(taken);
    }
}

/// The next vector, after a time that is like none before: some hundreds of instructions, to some thousands.
fn arm(seed: u32) {
    let unit = UNIT.load(Relaxed);
    let mixed = (seed ^ machine::time() as u32).wrapping_mul(0x9e37_79b1) >> 8;
    machine::arm(unit + mixed % (8 * unit));
}

/// How many ticks some hundreds of instructions take. Where instructions are counted, that is far more than where two harts
/// run at once.
static UNIT: AtomicU32 = AtomicU32::new(0);

fn measure() {
    let began = machine::time();
    for turn in 0..200 {
        black_box(turn);
    }
    UNIT.store(1 + (machine::time() - began) as u32, Relaxed);
}

/// Waits for the other hart.
fn meet() {
    // Release and Acquire: what each has done before is seen by the other after.
    let met = (ARRIVED.fetch_add(1, Release) / HARTS + 1) * HARTS;
    while ARRIVED.load(Acquire) < met {
        core::hint::spin_loop();
    }
}

fn main() {
    measure();
    enable();
    for phase in &PHASES {
        machine::set(phase.setting);
        harness::take_vectors(phase.setting, &VECTOR);
        for taken in &TAKEN {
            taken.store(0, Relaxed);
        }
        meet();
        hammer(phase.transitions);
        meet();
        check(phase);
    }
    meet();
    let lost = EXPECTED.load(Relaxed) - UNPROTECTED.load(Relaxed);
    harness::print!("unprotected: {lost} updates lost\n");
    expect(lost != 0, "the laboratory is blind: an unprotected counter has lost nothing");
    harness::finish("harts");
}

fn other() {
    for _ in &PHASES {
        meet();
        hammer(false);
        meet();
    }
    meet();
    harness::rest();
}

fn hammer(transitions: bool) {
    let hart = machine::hart();
    let mut round = 0_u32;
    arm(0);
    while TAKEN[hart].load(Relaxed) < VECTORS {
        round = round.wrapping_add(1);
        count_unprotected();
        match round % 6 {
            0 => OBJECT.acquire_interrupt_lock().section(),
            1 => OBJECT.synchronize(Data::section),
            2 => {
                if let Some(mut data) = OBJECT.try_acquire_interrupt_lock() {
                    data.section();
                }
            }
            3 => {
                OBJECT.queue_work_item();
            }
            4 => {
                let _ = OBJECT.run_work_item();
            }
            _ => {
                black_box((OBJECT.stats(), OBJECT.state()));
            }
        }
        if transitions && round.is_multiple_of(64) {
            expect(OBJECT.disable().is_ok(), "disable has failed");
            enable();
        }
    }
}

fn enable() {
    expect(OBJECT.enable().is_ok(), "enable has failed");
}

/// Both harts are at rest.
fn check(phase: &Phase) {
    expect(OBJECT.snapshot().owner.is_none(), "a hart is said to hold a lock");
    let stale = OBJECT.stats().stale as u32;
    // Not under the lock yet: what is left would be served by that.
    while OBJECT.is_work_item_queued() {
        let _ = OBJECT.run_work_item();
    }
    let (served, runs) = OBJECT.synchronize(|data| {
        expect(data.served + stale == calls(), "a call of service() is neither served nor stale");
        expect(data.runs <= calls(), "more ISR runs than calls of service()");
        expect(phase.transitions || data.seen == calls(), "no ISR run has followed the last service()");
        expect(data.processed == data.runs, "the work item has not seen the last ISR run");
        expect(!data.open && data.first == data.second, "torn data at rest");
        (data.served, data.runs)
    });
    let vectors: u32 = TAKEN.iter().map(|taken| taken.load(Relaxed)).sum();
    harness::print!(
        "{} {}: {vectors} vectors; in all {} calls, {served} served by {runs} ISR runs, {stale} stale\n",
        phase.name,
        phase.setting.name,
        calls(),
    );
    harness::add_sweep(1, vectors);
}
