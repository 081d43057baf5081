//! The word that wakes a dispatcher's threads.

use alloc::sync::Arc;

use loom::sync::Notify;
use loom::thread;

use crate::dispatch::ready_word::ReadyWord;
use crate::models::{Probe, all, bounded};

/// A ready word, and what wakes its thread.
struct SleepingThread {
    word: ReadyWord,
    wake_up: Notify,
}

impl SleepingThread {
    fn new() -> Arc<Self> {
        Arc::new(Self { word: ReadyWord::new(), wake_up: Notify::new() })
    }

    fn raise(&self, number: usize) {
        if self.word.raise(number) {
            self.wake_up.notify();
        }
    }

    fn stop(&self) {
        if self.word.stop() {
            self.wake_up.notify();
        }
    }

    /// Runs the dispatcher's thread: calls `each` for what was raised, and sleeps if there is nothing, until the stop.
    fn run(&self, mut each: impl FnMut(usize)) {
        loop {
            if !self.word.is_raised() && self.word.sleep() {
                self.wake_up.wait();
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
// Caught: raise-release, take-raised-acquire, sleep-unasked, sleep-unsaid, raise-wakes-nobody.
#[test]
fn a_raise_ends_the_sleep() {
    all(|| {
        let (sleeper, probe) = (SleepingThread::new(), Probe::new());
        let raiser = thread::spawn({
            let (sleeper, probe) = (sleeper.clone(), probe.clone());
            move || {
                probe.touch();
                sleeper.raise(1);
            }
        });
        let mut seen = false;
        while !seen {
            if sleeper.word.sleep() {
                sleeper.wake_up.wait();
            }
            if let Some(number) = sleeper.word.take().next() {
                assert_eq!((number, probe.touch()), (1, 1));
                seen = true;
            }
        }
        raiser.join().unwrap();
    });
}

/// A thread that falls asleep during a stop sees the stop, and all that was done before it.
// Caught: stop-release, stop-wakes-nobody, sleep-unasked.
#[test]
fn a_stop_ends_the_sleep() {
    all(|| {
        let (sleeper, probe) = (SleepingThread::new(), Probe::new());
        let thread = thread::spawn({
            let (sleeper, probe) = (sleeper.clone(), probe.clone());
            move || {
                sleeper.run(|_| ());
                probe.touch()
            }
        });
        probe.touch();
        sleeper.stop();
        assert_eq!(thread.join().unwrap(), 1);
    });
}

/// The thread says how to wake it before it first sleeps, so a thread that has to wake it finds that.
// Caught: raise-acquire, stop-acquire, sleep-release.
#[test]
fn a_thread_that_wakes_another_finds_it() {
    for stop in [false, true] {
        all(move || {
            let (sleeper, prepared) = (SleepingThread::new(), Probe::new());
            let thread = thread::spawn({
                let (sleeper, prepared) = (sleeper.clone(), prepared.clone());
                move || {
                    prepared.touch();
                    sleeper.word.sleep()
                }
            });
            if if stop { sleeper.word.stop() } else { sleeper.word.raise(0) } {
                assert_eq!(prepared.touch(), 1);
            }
            thread.join().unwrap();
        });
    }
}

/// Two threads raise at once, one of them the other's bit too. Both raises are seen before the stop that comes after
/// them.
// Caught: take-raised-torn, sleep-unasked, sleep-unsaid, stop-wakes-nobody.
#[test]
fn every_raise_is_seen_before_the_stop() {
    bounded(|| {
        let sleeper = SleepingThread::new();
        let thread = thread::spawn({
            let sleeper = sleeper.clone();
            move || {
                let mut seen = [false; 2];
                sleeper.run(|number| seen[number] = true);
                seen
            }
        });
        let other = thread::spawn({
            let sleeper = sleeper.clone();
            move || sleeper.raise(1)
        });
        sleeper.raise(0);
        sleeper.raise(1);
        other.join().unwrap();
        sleeper.stop();
        assert_eq!(thread.join().unwrap(), [true; 2]);
    });
}
