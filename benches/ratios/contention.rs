//! Threads that contend for a lock without a break: how many sections they get through, and what the unluckiest one gets.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interrupt_lock::InterruptLock;

use crate::placement::{move_to, processors};
use crate::table::{Figure, Table, median, work};

/// How many steps a section has. A step takes about a nanosecond. Between two sections a thread does a tenth as many.
const STEPS: [u32; 3] = [100, 1_000, 10_000];
const THREADS: [usize; 2] = [2, 4];
const TURNS: usize = 9;
const TURN: Duration = Duration::from_millis(40);

pub fn measure(table: &mut Table) {
    for threads in THREADS {
        for steps in STEPS {
            let name = format!("contention: {threads} threads, {steps} steps");
            if table.wants(&name) {
                contend(table, &name, threads, steps);
            }
        }
    }
}

/// What one turn has given.
#[derive(Clone, Copy)]
struct Turn {
    /// Sections a second, of all threads.
    rate: Figure,
    /// The sections of the thread that got fewest, as a part of an equal share.
    worst: Figure,
}

fn contend(table: &mut Table, name: &str, threads: usize, steps: u32) {
    let ours = InterruptLock::new(0);
    let (parking_lot, std, spin) = (parking_lot::Mutex::new(0), std::sync::Mutex::new(0), spin::Mutex::new(0));
    let mut turns = [const { Vec::new() }; 4];
    for _ in 0..TURNS {
        turns[0].push(turn(threads, steps, || work(&mut ours.acquire_interrupt_lock(), steps)));
        turns[1].push(turn(threads, steps, || work(&mut parking_lot.lock(), steps)));
        turns[2].push(turn(threads, steps, || work(&mut std.lock().unwrap(), steps)));
        turns[3].push(turn(threads, steps, || work(&mut spin.lock(), steps)));
    }
    let [ours, peers @ ..] = &turns;
    for (peer, turns) in ["parking_lot", "std", "spin"].into_iter().zip(peers) {
        let rates = |turns: &[Turn]| turns.iter().map(|turn| turn.rate).collect::<Vec<_>>();
        let worst = |turns: &[Turn]| median(turns.iter().map(|turn| turn.worst).collect());
        table.rates(&format!("{name} / {peer}"), &rates(ours), &rates(turns));
        table.parts(&format!("{name}, worst share / {peer}"), worst(ours), worst(turns));
    }
}

/// Lets the threads contend for a while.
fn turn(threads: usize, steps: u32, section: impl Fn() + Sync) -> Turn {
    let (stop, started, processors) = (AtomicBool::new(false), Barrier::new(threads + 1), processors());
    let run = |n: usize| {
        move_to(processors[n % processors.len()]);
        let (mut sections, mut outside) = (0_u64, 0);
        started.wait();
        while !stop.load(Ordering::Relaxed) {
            section();
            work(&mut outside, steps / 10);
            sections += 1;
        }
        sections as Figure
    };
    let run = &run;
    let (sections, time): (Vec<_>, _) = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n))).collect();
        started.wait();
        let begun = Instant::now();
        thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        let time = begun.elapsed();
        (running.into_iter().map(|thread| thread.join().unwrap()).collect(), time)
    });
    let all: Figure = sections.iter().sum();
    let least = sections.iter().copied().fold(Figure::INFINITY, Figure::min);
    Turn { rate: all / time.as_secs_f64(), worst: least * threads as Figure / all }
}
