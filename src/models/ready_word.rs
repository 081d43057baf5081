//! The word that wakes a dispatcher's threads.

use alloc::sync::Arc;

use loom::sync::Notify;
use loom::thread;

use crate::dispatch::ready_word::ReadyWord;
use crate::models::{Probe, all, bounded};

/// A word with its bell.
struct Bell {
    word: ReadyWord,
    bell: Notify,
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self { word: ReadyWord::new(), bell: Notify::new() })
    }

    fn raise(&self, number: usize) {
        if self.word.raise(number) {
            self.bell.notify();
        }
    }

    fn stop(&self) {
        if self.word.stop() {
            self.bell.notify();
        }
    }

    /// The thread: sleeps whenever there is nothing, and calls `each` for what was raised, until it is stopped.
    fn run(&self, mut each: impl FnMut(usize)) {
        loop {
            if !self.word.is_raised() && self.word.sleep() {
                self.bell.wait();
            }
            let raised = self.word.take();
            let stop = raised.is_stop();
            raised.for_each(&mut each);
            if stop {
                return;
            }
        }
    }
}

/// Whoever raises is seen by a thread that falls asleep at that moment, with all that was done before. A wake-up that is
/// lost leaves the thread asleep, which loom calls a deadlock.
// Caught: raise-release, take-raised-acquire, sleep-unasked, sleep-unsaid, raise-rings-nobody.
#[test]
fn a_raise_ends_the_sleep() {
    all(|| {
        let (bell, probe) = (Bell::new(), Probe::new());
        let raiser = thread::spawn({
            let (bell, probe) = (bell.clone(), probe.clone());
            move || {
                probe.touch();
                bell.raise(1);
            }
        });
        let mut seen = false;
        while !seen {
            if bell.word.sleep() {
                bell.bell.wait();
            }
            if let Some(number) = bell.word.take().next() {
                assert_eq!((number, probe.touch()), (1, 1));
                seen = true;
            }
        }
        raiser.join().unwrap();
    });
}

/// A thread that falls asleep as it is stopped sees the stop, with all that was done before.
// Caught: stop-release, stop-rings-nobody, sleep-unasked.
#[test]
fn a_stop_ends_the_sleep() {
    all(|| {
        let (bell, probe) = (Bell::new(), Probe::new());
        let thread = thread::spawn({
            let (bell, probe) = (bell.clone(), probe.clone());
            move || {
                bell.run(|_| ());
                probe.touch()
            }
        });
        probe.touch();
        bell.stop();
        assert_eq!(thread.join().unwrap(), 1);
    });
}

/// A thread hangs up its bell before it first sleeps: whoever is told to ring finds it.
// Caught: raise-acquire, stop-acquire, sleep-release.
#[test]
fn who_rings_finds_the_bell() {
    for stop in [false, true] {
        all(move || {
            let (bell, hung_up) = (Bell::new(), Probe::new());
            let thread = thread::spawn({
                let (bell, hung_up) = (bell.clone(), hung_up.clone());
                move || {
                    hung_up.touch();
                    bell.word.sleep()
                }
            });
            if if stop { bell.word.stop() } else { bell.word.raise(0) } {
                assert_eq!(hung_up.touch(), 1);
            }
            thread.join().unwrap();
        });
    }
}

/// Two that raise at once, one of them the other's bit too, are both seen, before the stop that comes after them.
// Caught: take-raised-torn, sleep-unasked, sleep-unsaid, stop-rings-nobody.
#[test]
fn every_raise_is_seen_before_the_stop() {
    bounded(|| {
        let bell = Bell::new();
        let thread = thread::spawn({
            let bell = bell.clone();
            move || {
                let mut seen = [false; 2];
                bell.run(|number| seen[number] = true);
                seen
            }
        });
        let other = thread::spawn({
            let bell = bell.clone();
            move || bell.raise(1)
        });
        bell.raise(0);
        bell.raise(1);
        other.join().unwrap();
        bell.stop();
        assert_eq!(thread.join().unwrap(), [true; 2]);
    });
}
