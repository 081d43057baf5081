//! Store buffering: two threads each write one word, pass a barrier, and read the other's word. If both barriers work, at
//! least one of them sees what the other wrote.
//!
//! These tests run the barriers of whatever system this is, as it has chosen them: on Linux mostly `membarrier`, elsewhere
//! fences. On one processor they show nothing, and are short.

use core::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::thread;
use std::vec::Vec;

use crate::sync::os::barrier::*;

fn rounds() -> usize {
    if thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) { 100_000 } else { 1_000 }
}

/// How a thread writes its word, and the barrier that it passes then.
struct Side {
    write: fn(&AtomicUsize, usize),
    barrier: fn(),
}

#[derive(Default)]
struct Words {
    written: Alone<AtomicUsize>,
    /// The round that the thread has come to.
    round: Alone<AtomicUsize>,
}

/// In a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// Words that both threads write. Each write waits until the other processor gives the word away, and a processor of x86
/// makes its writes in order. So what it writes next stays inside for long: long enough to be missed.
type Slow = [Alone<AtomicUsize>; 16];

/// Goes through all rounds. Returns for each whether this thread missed what the other one wrote.
fn misses(side: &Side, mine: &Words, theirs: &Words, slow: &Slow) -> Vec<bool> {
    let play = |round| {
        // Release and Acquire: only the round that both are in is looked at.
        mine.round.0.store(round, Release);
        for look in 1.. {
            if theirs.round.0.load(Acquire) >= round {
                break;
            }
            if look % 1_000 == 0 {
                thread::yield_now();
            }
        }
        // Relaxed, here and below: the barriers are what is tested.
        slow.iter().for_each(|word| word.0.store(round, Relaxed));
        (side.write)(&mine.written.0, round);
        (side.barrier)();
        theirs.written.0.load(Relaxed) < round
    };
    (1..=rounds()).map(play).collect()
}

/// Returns in how many rounds neither thread has seen what the other wrote.
fn missed_by_both(left: &Side, right: &Side) -> usize {
    let ([mine, theirs], slow) = (<[Words; 2]>::default(), Slow::default());
    thread::scope(|scope| {
        let other = scope.spawn(|| misses(right, &theirs, &mine, &slow));
        let pairs = misses(left, &mine, &theirs, &slow).into_iter().zip(other.join().unwrap());
        pairs.filter(|missed| *missed == (true, true)).count()
    })
}

// Caught: under Wine, a light barrier that only binds the compiler, and such a heavy one; on Linux, a `membarrier` that does
// nothing.
#[test]
fn of_two_threads_one_sees_the_other() {
    let write = |word: &AtomicUsize, round| word.store(round, Relaxed);
    let [light, heavy] = [light_barrier, heavy_barrier].map(|barrier| Side { write, barrier });
    assert_eq!(missed_by_both(&light, &heavy), 0);
}

// Caught: a plain store in place of the exchange.
#[test]
fn of_two_threads_that_exchange_one_sees_the_other() {
    let write = |word: &AtomicUsize, round| _ = word.compare_exchange(round - 1, round, Relaxed, Relaxed);
    let [light, heavy] =
        [light_barrier_after_exchange, heavy_barrier_for_exchanges].map(|barrier| Side { write, barrier });
    assert_eq!(missed_by_both(&light, &heavy), 0);
}

/// Where there is no `membarrier`, both barriers are fences from the first on, and no thread has to look again.
// Caught: a light barrier that chooses nothing; a choice of `UNEQUAL`.
#[cfg(not(target_os = "linux"))]
#[test]
fn elsewhere_both_barriers_are_fences() {
    light_barrier();
    assert_eq!(CHOICE.load(Relaxed), FENCES);
    heavy_barrier();
    assert_eq!(CHOICE.load(Relaxed), FENCES);
    assert!(recheck().is_none());
}
