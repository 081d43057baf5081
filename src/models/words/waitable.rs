//! The words of an event of Windows: what its waits have taken, and when a thread waits.

use alloc::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::models::{Probe, all, bounded};
use crate::source::waitable::{Rounds, Rung, SignalNotes};
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;

/// An event, the thread that waits for it, and the bell of that thread.
struct Machine {
    system: Mutex<System>,
    changed: Condvar,
    rounds: Rounds,
    notes: SignalNotes<1>,
    /// 1 once the thread has to end.
    stop: AtomicUsize,
}

/// What the system keeps.
#[derive(Default)]
struct System {
    event: bool,
    bell: bool,
}

impl Machine {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            system: Mutex::default(),
            changed: Condvar::new(),
            rounds: Rounds::new(),
            notes: SignalNotes::new(),
            stop: AtomicUsize::new(0),
        })
    }

    fn signal(&self) {
        self.system.lock().unwrap().event = true;
        self.changed.notify_one();
    }

    fn ring(&self) {
        self.system.lock().unwrap().bell = true;
        self.changed.notify_one();
    }

    /// Waits for the event and the bell, and takes what is signalled. Returns whether that is the event.
    fn wait(&self) -> bool {
        core::mem::take(&mut self.wait_for(true).event)
    }

    /// Waits for the bell, and for the event if it is `awaited`. The event stays as it is.
    fn wait_for(&self, awaited: bool) -> loom::sync::MutexGuard<'_, System> {
        let mut system = self.system.lock().unwrap();
        while !(system.bell || awaited && system.event) {
            system = self.changed.wait(system).unwrap();
        }
        system.bell = false;
        system
    }

    /// The thread: waits and notes, until the stop.
    fn run(&self, noted: impl Fn()) {
        loop {
            self.rounds.begin();
            // Relaxed: the rounds order it, as they do what is watched.
            let ends = self.stop.load(Relaxed) != 0;
            if !ends && self.wait() {
                noted();
                self.notes.note_edges(1);
            }
            self.rounds.end();
            if ends {
                return;
            }
        }
    }

    fn stop(&self) {
        self.stop.store(1, Relaxed);
        self.tell();
    }

    fn tell(&self) {
        if self.rounds.is_waiting() {
            self.ring();
        }
    }

    /// The thread, for a level: waits for it while it is unmasked, and notes it. Returns after the stop, or
    /// `with_a_note`.
    fn run_for_level(&self, with_a_note: bool) {
        loop {
            self.rounds.begin();
            // Relaxed: as in `run`.
            let ends = self.stop.load(Relaxed) != 0;
            let awaited = self.notes.is_unmasked();
            let noted = !ends && self.wait_for(awaited).event && awaited && self.notes.note_level();
            self.rounds.end();
            if ends || with_a_note && noted {
                return;
            }
        }
    }

    fn settle(&self) {
        self.rounds.settle(|| {
            self.ring();
            Rung::Continue(None)
        });
    }

    fn unmask(&self) {
        self.notes.unmask(|| self.settle(), || self.tell());
    }

    /// Takes as a source does.
    fn take(&self) -> u64 {
        let look = || Ok::<_, ()>(u64::from(core::mem::take(&mut self.system.lock().unwrap().event)));
        self.notes.take_edges(look, || self.settle()).unwrap()
    }
}

/// A signal that has been made is taken, though the thread's wait may just have taken it. What the thread did before its note
/// is seen then.
// Caught: look-after-settle, settle-not, settle-unrung, settle-unannounced, round-end-wakes-nobody.
#[test]
fn i3_a_signal_is_taken_though_a_wait_has_it() {
    bounded(|| {
        let (machine, probe) = (Machine::new(), Probe::new());
        let thread = thread::spawn({
            let (machine, probe) = (machine.clone(), probe.clone());
            move || {
                machine.run(|| {
                    probe.touch();
                })
            }
        });
        machine.signal();
        assert_eq!(machine.take(), 1);
        probe.touch();
        assert_eq!(machine.take(), 0);
        machine.stop();
        thread.join().unwrap();
    });
}

/// A round is over for the thread that has settled it, and what was done in it is seen. This thread ends after the round, so
/// nothing wakes it once more.
// Caught: round-end-release, round-number-acquire, settle-without-barrier, round-end-without-barrier, settle-unannounced.
#[test]
fn i5_a_round_that_has_been_settled_is_over() {
    all(|| {
        let (rounds, probe) = (Arc::new(Rounds::new()), Probe::new());
        let thread = thread::spawn({
            let (rounds, probe) = (rounds.clone(), probe.clone());
            move || {
                rounds.begin();
                probe.touch();
                rounds.end();
            }
        });
        if rounds.is_waiting() {
            rounds.settle(|| Rung::Continue(None));
            assert_eq!(probe.touch(), 1);
        }
        thread.join().unwrap();
    });
}

/// A thread that begins to wait sees what was changed before, or is rung for.
// Caught: round-begin-without-barrier, round-current-without-barrier.
#[test]
fn i16_a_change_of_what_is_waited_for_is_not_missed() {
    all(|| {
        let machine = Machine::new();
        let thread = thread::spawn({
            let machine = machine.clone();
            move || machine.run(|| {})
        });
        machine.stop();
        thread.join().unwrap();
    });
}

/// A level is noted once until it is unmasked, whichever of two threads has its wait ended first.
// Caught: note-level-masked.
#[test]
fn i6_a_level_is_noted_once() {
    all(|| {
        let notes = Arc::new(SignalNotes::<1>::new());
        notes.unmask(|| (), || ());
        let other = thread::spawn({
            let notes = notes.clone();
            move || notes.note_level()
        });
        let mine = notes.note_level();
        let theirs = other.join().unwrap();
        assert!(mine != theirs && !notes.is_unmasked());
        assert_eq!((notes.take(), notes.take()), (1, 0));
    });
}

/// What was done before a note is seen by the thread that takes the note.
// Caught: note-edge-release, take-notes-acquire.
#[test]
fn i1_what_came_before_a_note_is_seen_by_the_thread_that_takes_it() {
    all(|| {
        let (notes, probe) = (Arc::new(SignalNotes::<1>::new()), Probe::new());
        let other = thread::spawn({
            let (notes, probe) = (notes.clone(), probe.clone());
            move || {
                probe.touch();
                notes.note_edges(1);
            }
        });
        if notes.take() == 1 {
            assert_eq!(probe.touch(), 1);
        }
        other.join().unwrap();
    });
}

/// A level that is unmasked is waited for again, and noted if it is still signalled.
// Caught: unmask-untold.
#[test]
fn i6_an_unmasked_level_is_waited_for() {
    bounded(|| {
        let machine = Machine::new();
        let thread = thread::spawn({
            let machine = machine.clone();
            move || machine.run_for_level(true)
        });
        machine.signal();
        machine.unmask();
        thread.join().unwrap();
        assert_eq!(machine.notes.take(), 1);
    });
}

/// A level that has been served is not noted once more by the thread whose wait it had ended.
// Caught: unmask-unsettled, note-level-masked.
#[test]
fn i6_a_level_that_has_been_served_is_not_noted_again() {
    bounded(|| {
        let machine = Machine::new();
        machine.notes.unmask(|| (), || ());
        let thread = thread::spawn({
            let machine = machine.clone();
            move || machine.run_for_level(false)
        });
        machine.signal();
        machine.notes.note_level();
        let served = machine.notes.take();
        machine.system.lock().unwrap().event = false;
        machine.unmask();
        machine.stop();
        thread.join().unwrap();
        assert_eq!(served + machine.notes.take(), 1);
    });
}
