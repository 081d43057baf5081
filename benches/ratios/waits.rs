//! Waits that sleep, and the look for a circle of waits (rule L13).

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use interrupt_lock::{Claim, Interrupt, InterruptLock};
use rustix::time::{ClockId, clock_gettime};

use crate::placement::{move_to, processors};
use crate::table::{Figure, Figures, Table, nanoseconds, per_round};

/// How many threads are in a chain or in a circle.
const LENGTHS: [usize; 3] = [2, 20, 200];

pub fn measure(table: &mut Table) {
    handed_over(table);
    beside_a_chain(table);
    told_of_a_circle(table);
}

/// An enable and a disable while threads that have nothing to do with them wait in a chain, beside the same without
/// these threads.
fn beside_a_chain(table: &mut Table) {
    const TURNS: usize = 15;
    const ROUNDS: u32 = 2_000;
    let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).build().unwrap();
    let pair = || {
        per_round(ROUNDS, || {
            interrupt.enable().unwrap();
            interrupt.disable().unwrap();
        })
    };
    for length in LENGTHS {
        let name = format!("enable and disable beside a chain of {length} / alone");
        if table.wants(&name) {
            table.line(&name, &Figures::in_turns(TURNS, || with_chain(length, |_| pair()), pair, None));
        }
    }
}

/// A timed acquire that would close a circle of threads, from the call to the error, beside ten times a circle of a
/// tenth of the length.
fn told_of_a_circle(table: &mut Table) {
    const TURNS: usize = 15;
    const ROUNDS: u32 = 2_000;
    let told = |length| {
        with_chain(length, |first| {
            per_round(ROUNDS, || drop(first.try_acquire_interrupt_lock_for(Duration::from_secs(3600)).unwrap_err()))
        })
    };
    for [shorter, length] in [[LENGTHS[0], LENGTHS[1]], [LENGTHS[1], LENGTHS[2]]] {
        let name = format!("told of a circle of {length} / {} × of {shorter}", length / shorter);
        if table.wants(&name) {
            let times = (length / shorter) as Figure;
            table.line(&name, &Figures::in_turns(TURNS, || told(length), || times * told(shorter), None));
        }
    }
}

/// Runs `measure` in the last of `length` threads that each hold a lock, and of which each but the last waits for the
/// next one's. Its argument is the first one's lock: waiting for that would close the circle.
fn with_chain(length: usize, measure: impl FnOnce(&InterruptLock<()>) -> Figure) -> Figure {
    let locks: Vec<_> = (0..length).map(|_| InterruptLock::new(())).collect();
    let taken = Barrier::new(length);
    thread::scope(|threads| {
        for pair in locks.windows(2) {
            waiting(threads, || {
                let _held = pair[0].acquire_interrupt_lock();
                taken.wait();
                drop(pair[1].acquire_interrupt_lock());
            });
        }
        let _last = locks[length - 1].acquire_interrupt_lock();
        taken.wait();
        let first = &locks[0];
        // Where a thread sleeps already, a wait looks for a circle at once: it does not spin before. So one shall sleep.
        waiting(threads, || drop(first.acquire_interrupt_lock()));
        until_closed(first);
        thread::sleep(Duration::from_millis(2));
        measure(first)
    })
}

fn waiting<'scope>(threads: &'scope Scope<'scope, '_>, wait: impl FnOnce() + Send + 'scope) {
    thread::Builder::new().stack_size(64 << 10).spawn_scoped(threads, wait).unwrap();
}

/// Waits until all threads of the chain wait.
fn until_closed(first: &InterruptLock<()>) {
    loop {
        let answer = first.try_acquire_interrupt_lock_for(Duration::from_millis(1));
        if answer.is_err_and(|error| error.source().is_some()) {
            return;
        }
    }
}

/// Two threads that wait for each other in turn, each so long that it sleeps.
fn handed_over(table: &mut Table) {
    const TURNS: usize = 15;
    let names = ["release to a sleeping waiter / parking_lot", "processor time of a wait that sleeps / parking_lot"];
    if !names.iter().any(|name| table.wants(name)) {
        return;
    }
    let ours = [(); 3].map(InterruptLock::new);
    let parking_lot = [(); 3].map(parking_lot::Mutex::new);
    let mut figures = [(); 2].map(|()| Figures::default());
    for _ in 0..TURNS {
        let ours = by_sleepers(&ours, InterruptLock::acquire_interrupt_lock);
        let peer = by_sleepers(&parking_lot, parking_lot::Mutex::lock);
        for (n, figures) in figures.iter_mut().enumerate() {
            figures.ours.push(ours[n]);
            figures.peer.push(peer[n]);
        }
    }
    for (name, figures) in names.into_iter().zip(&figures) {
        table.line(name, figures);
    }
}

/// Returns the time from a release to the waiter's section, and the processor time of one acquire and release.
///
/// Each thread holds one of three locks, waits for the next one, and then releases the former. So each waits for the
/// other in every round.
fn by_sleepers<'a, L: Sync, G>(locks: &'a [L; 3], acquire: impl Fn(&'a L) -> G + Sync) -> [Figure; 2] {
    const ROUNDS: usize = 100;
    let (epoch, released, taken, processors) = (Instant::now(), AtomicU64::new(0), Barrier::new(2), processors());
    let now = || epoch.elapsed().as_nanos() as u64;
    let run = &|me: usize| {
        move_to(processors[me % processors.len()]);
        let mut held = acquire(&locks[me]);
        let (mut waited, mut worked) = (0, Duration::ZERO);
        taken.wait();
        for round in 1..=ROUNDS {
            let before = processor_time();
            let next = acquire(&locks[(me + round) % 3]);
            waited += now() - released.load(Ordering::Relaxed);
            worked += processor_time() - before;
            hold();
            let before = processor_time();
            released.store(now(), Ordering::Relaxed);
            drop(std::mem::replace(&mut held, next));
            worked += processor_time() - before;
        }
        [waited as Figure, nanoseconds(worked)]
    };
    let both = thread::scope(|threads| {
        let both = [0, 1].map(|me| threads.spawn(move || run(me)));
        both.map(|thread| thread.join().unwrap())
    });
    [0, 1].map(|n| (both[0][n] + both[1][n]) / (2 * ROUNDS) as Figure)
}

/// Holds a lock until the other thread sleeps: no lock spins as long.
fn hold() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(100) {
        std::hint::spin_loop();
    }
}

/// Returns the processor time of the calling thread.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}
