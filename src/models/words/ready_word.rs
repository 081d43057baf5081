//! The word that wakes a dispatcher's threads.

use alloc::sync::Arc;

use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use crate::dispatch::ready_word::{Node, Raised, ReadyWord};
use crate::models::{Probe, all, bounded};

/// A ready word with the nodes of three interrupts, and what wakes its thread.
struct SleepingThread {
    word: ReadyWord,
    nodes: [Node; 3],
    wake_up: Notify,
}

impl SleepingThread {
    fn new() -> Arc<Self> {
        let nodes = core::array::from_fn(|_| Node::new());
        Arc::new(Self { word: ReadyWord::new(), nodes, wake_up: Notify::new() })
    }

    fn raise(&self, number: usize) {
        if self.word.raise(number, &self.nodes[number]) {
            self.wake_up.notify();
        }
    }

    fn stop(&self) {
        if self.word.stop() {
            self.wake_up.notify();
        }
    }

    fn take(&self) -> Raised {
        let mut raised = self.word.take();
        raised.put_in_order(|number| &self.nodes[number]);
        raised
    }

    /// Runs the dispatcher's thread: calls `each` for what was raised, and sleeps if there is nothing, until the stop.
    fn run(&self, mut each: impl FnMut(usize)) {
        loop {
            if !self.word.is_raised() && self.word.sleep() {
                self.wake_up.wait();
            }
            let mut raised = self.take();
            while let Some(number) = raised.next(|number| &self.nodes[number]) {
                each(number);
            }
            if raised.is_stop() {
                return;
            }
        }
    }
}

/// A thread that falls asleep during a raise sees the raise, and all that was done before it. If the wake-up is lost,
/// the thread sleeps for ever, and loom reports a deadlock.
// Caught: raise-release, take-raised-acquire, sleep-unasked, sleep-unsaid, raise-wakes-nobody, link-wakes-nobody.
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
            if let Some(number) = sleeper.take().next(|number| &sleeper.nodes[number]) {
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
// Caught: raise-acquire, link-acquire, stop-acquire, sleep-release.
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
            if if stop { sleeper.word.stop() } else { sleeper.word.raise(0, &sleeper.nodes[0]) } {
                assert_eq!(prepared.touch(), 1);
            }
            thread.join().unwrap();
        });
    }
}

/// Two threads raise at once: one of the two is in the list behind the other. Both raises are seen before the stop that
/// comes after them.
// Caught: take-raised-torn, link-keeps-nothing, sleep-unasked, sleep-unsaid, stop-wakes-nobody.
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
        other.join().unwrap();
        sleeper.stop();
        assert_eq!(thread.join().unwrap(), [true; 2]);
    });
}

/// How often each interrupt was about to be raised, and how much of it the thread has seen as it looked.
#[derive(Default)]
struct Counts {
    done: [AtomicUsize; 3],
}

impl Counts {
    /// Does something, and raises the interrupt for it.
    fn raise(&self, sleeper: &SleepingThread, place: usize, number: usize) {
        // Relaxed, here and in `see`: the word orders it.
        self.done[place].store(self.done[place].load(Relaxed) + 1, Relaxed);
        sleeper.raise(number);
    }

    fn see(&self, place: usize) -> usize {
        self.done[place].load(Relaxed)
    }
}

/// Two threads raise one interrupt, behind another. Each touches the flag, and one of them puts the node into the list.
/// The thread sees what either has done.
// Caught: flag-release, flag-cleared-unread, flag-unasked.
#[test]
fn a_raise_that_finds_the_flag_is_seen() {
    bounded(|| {
        let (sleeper, counts) = (SleepingThread::new(), Arc::new(Counts::default()));
        sleeper.raise(0);
        let raisers = [0, 1].map(|place| {
            let (sleeper, counts) = (sleeper.clone(), counts.clone());
            thread::spawn(move || counts.raise(&sleeper, place, 1))
        });
        let mut seen = [0; 2];
        // One look while they raise, and one after that.
        let mut look = || {
            let mut raised = sleeper.take();
            while let Some(number) = raised.next(|number| &sleeper.nodes[number]) {
                if number == 1 {
                    seen = [0, 1].map(|place| counts.see(place));
                }
            }
        };
        look();
        for raiser in raisers {
            raiser.join().unwrap();
        }
        look();
        assert_eq!(seen, [1; 2]);
    });
}

/// A thread raises two interrupts, alone and beside each other, one of them again. Each is looked at after its last
/// raise.
// Caught: link-release, link-keeps-nothing, flag-kept.
#[test]
fn what_is_raised_again_is_looked_at_again() {
    bounded(|| {
        let (sleeper, counts) = (SleepingThread::new(), Arc::new(Counts::default()));
        let raiser = thread::spawn({
            let (sleeper, counts) = (sleeper.clone(), counts.clone());
            move || {
                for number in [0, 1, 1] {
                    counts.raise(&sleeper, number, number);
                }
                sleeper.stop();
            }
        });
        let mut seen = [0; 2];
        sleeper.run(|number| seen[number] = counts.see(number));
        assert_eq!(seen, [1, 2]);
        raiser.join().unwrap();
    });
}

/// An interrupt is raised again, before another list, as the thread goes through the list that it has taken. Whatever is
/// behind it in that list is looked at all the same.
// Caught: flag-cleared-early.
#[test]
fn a_raise_during_the_looks_parts_no_list() {
    all(|| {
        let sleeper = SleepingThread::new();
        (0..3).for_each(|number| sleeper.raise(number));
        let mut looks = [0; 3];
        let mut look = || {
            let mut raised = sleeper.take();
            while let Some(number) = raised.next(|number| &sleeper.nodes[number]) {
                looks[number] += 1;
            }
        };
        let raiser = thread::spawn({
            let sleeper = sleeper.clone();
            move || {
                sleeper.raise(0);
                sleeper.raise(1);
            }
        });
        look();
        raiser.join().unwrap();
        look();
        assert!(looks[2] == 1 && looks.iter().all(|&looks| looks != 0), "{looks:?}");
    });
}
