//! Interrupts off while there is work, beside an interrupt for each completion and beside a loop that polls.

use std::hint::black_box;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::linux::Eventfd;
use interrupt_lock::{Claim, Interrupt, WithWorkItem, Work};
use rustix::time::{ClockId, clock_gettime};

use crate::table::{Figure, Figures, Table, nanoseconds};

const TURNS: usize = 15;
const COMPLETIONS: u64 = 20_000;
const BUDGET: u64 = 64;
/// Between two completions: a device that does a million a second.
const PACE: Duration = Duration::from_micros(1);

pub fn measure(table: &mut Table) {
    let time = "cycle: time a completion / an interrupt each; limit: polling";
    let processor = "cycle: processor time / an interrupt each; limit: polling";
    if !table.wants(time) && !table.wants(processor) {
        return;
    }
    let (cycle, each) = (cycle(), an_interrupt_each());
    let (mut times, mut processors) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        for (nic, [time, processor]) in [
            (Some(&cycle.1), [&mut times.ours, &mut processors.ours]),
            (Some(&each.1), [&mut times.peer, &mut processors.peer]),
            (None, [&mut times.limit, &mut processors.limit]),
        ] {
            let (took, spent) = nic.map_or_else(polled, |nic| turn(nic));
            time.push(took);
            processor.push(spent);
        }
    }
    table.line(time, &times);
    table.line(processor, &processors);
    let runs =
        |driver: &Interrupt<(), WithWorkItem>| driver.stats().delivered as f64 / (TURNS as f64 * COMPLETIONS as f64);
    println!("{:<58} {:>10.3} {:>10.3}", "cycle: ISR runs a completion", runs(&cycle.0), runs(&each.0));
}

/// A device that completes requests, and signals each of them while its interrupts are on.
struct Nic {
    interrupts_on: AtomicBool,
    completed: AtomicU64,
    taken: AtomicU64,
    signal: OwnedFd,
}

impl Nic {
    fn new(source: &Eventfd) -> Arc<Self> {
        let signal = source.as_fd().try_clone_to_owned().unwrap();
        Arc::new(Self {
            interrupts_on: AtomicBool::new(true),
            completed: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            signal,
        })
    }

    fn complete(&self) {
        self.completed.fetch_add(1, SeqCst);
        if self.interrupts_on.load(SeqCst) {
            rustix::io::write(&self.signal, &1u64.to_ne_bytes()).unwrap();
        }
    }

    /// Takes up to `budget` completions. Returns how many there were.
    fn take(&self, budget: u64) -> u64 {
        let taken = self.taken.load(SeqCst);
        let found = (self.completed.load(SeqCst) - taken).min(budget);
        for request in 0..found {
            black_box(request);
        }
        self.taken.store(taken + found, SeqCst);
        found
    }
}

/// Completes requests until all have been taken. Returns the time and the processor time of each, the device's included.
fn turn(nic: &Nic) -> (Figure, Figure) {
    let (begun, spent) = (Instant::now(), processor_time());
    let goal = nic.completed.load(SeqCst) + COMPLETIONS;
    for _ in 0..COMPLETIONS {
        let next = Instant::now() + PACE;
        nic.complete();
        while Instant::now() < next {}
    }
    while nic.taken.load(SeqCst) < goal {
        thread::yield_now();
    }
    let each = |time: Duration| nanoseconds(time) / COMPLETIONS as Figure;
    (each(begun.elapsed()), each(processor_time() - spent))
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn cycle() -> (Interrupt<(), WithWorkItem>, Arc<Nic>) {
    let source = Eventfd::new().unwrap();
    let nic = Nic::new(&source);
    let [isr, work, unmask] = [(); 3].map(|()| nic.clone());
    let interrupt = Interrupt::builder(())
        .isr(move |cx| {
            isr.interrupts_on.store(false, SeqCst);
            cx.queue_work_item();
            Claim::ClaimedKeepMasked
        })
        .work_item(move |_| if work.take(BUDGET) == 0 { Work::Done } else { Work::Again })
        .on_unmask(move |()| {
            unmask.interrupts_on.store(true, SeqCst);
            if unmask.completed.load(SeqCst) == unmask.taken.load(SeqCst) {
                return Work::Done;
            }
            unmask.interrupts_on.store(false, SeqCst);
            Work::Again
        })
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, nic)
}

/// The same work item, queued by an interrupt for each completion.
fn an_interrupt_each() -> (Interrupt<(), WithWorkItem>, Arc<Nic>) {
    let source = Eventfd::new().unwrap();
    let nic = Nic::new(&source);
    let work = nic.clone();
    let interrupt = Interrupt::builder(())
        .isr(|cx| {
            cx.queue_work_item();
            Claim::Claimed
        })
        .work_item(move |_| if work.take(BUDGET) == 0 { Work::Done } else { Work::Again })
        .source(source)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    (interrupt, nic)
}

/// A turn of a device without interrupts, whose driver does nothing but look.
fn polled() -> (Figure, Figure) {
    let nic = Nic::new(&Eventfd::new().unwrap());
    nic.interrupts_on.store(false, SeqCst);
    let stop = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(SeqCst) {
                nic.take(BUDGET);
            }
        });
        let taken = turn(&nic);
        stop.store(true, SeqCst);
        taken
    })
}
