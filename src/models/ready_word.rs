//! The word that wakes a dispatcher's threads.

use alloc::sync::Arc;

use loom::sync::Notify;
use loom::thread;

use crate::dispatch::ready_word::ReadyWord;
use crate::models::{Probe, all, bounded};

/// A ready word, and what wakes its thread.
struct WordWithBell {
    word: ReadyWord,
    bell: Notify,
}

impl WordWithBell {
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

    /// Runs the dispatcher's thread: calls `each` for what was raised, and sleeps if there is nothing, until the stop.
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

/// A thread that falls asleep during a raise sees the raise, and all that was done before it. If the wake-up is lost,
/// the thread sleeps for ever, and loom reports a deadlock.
// Caught: raise-release, take-raised-acquire, sleep-unasked, sleep-unsaid, raise-rings-nobody.
#[test]
fn a_raise_ends_the_sleep() {
    all(|| {
        let (bell, probe) = (WordWithBell::new(), Probe::new());
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

/// A thread that falls asleep during a stop sees the stop, and all that was done before it.
// Caught: stop-release, stop-rings-nobody, sleep-unasked.
#[test]
fn a_stop_ends_the_sleep() {
    all(|| {
        let (bell, probe) = (WordWithBell::new(), Probe::new());
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

/// The thread hangs up its bell before it first sleeps, so a thread that has to ring finds the bell.
// Caught: raise-acquire, stop-acquire, sleep-release.
#[test]
fn who_rings_finds_the_bell() {
    for stop in [false, true] {
        all(move || {
            let (bell, hung_up) = (WordWithBell::new(), Probe::new());
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

/// Two threads raise at once, one of them the other's bit too. Both raises are seen before the stop that comes after
/// them.
// Caught: take-raised-torn, sleep-unasked, sleep-unsaid, stop-rings-nobody.
#[test]
fn every_raise_is_seen_before_the_stop() {
    bounded(|| {
        let bell = WordWithBell::new();
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
