//! The words of an eventfd in whose `read` a thread sleeps.

use alloc::sync::Arc;
use core::convert::Infallible;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::models::{Probe, bounded};
use crate::source::waitable::{RING, Rung, Sleeps, Slept};

/// An eventfd, as the system keeps it, and the words of its source.
struct Machine {
    count: Mutex<u64>,
    changed: Condvar,
    sleeps: Sleeps,
}

impl Machine {
    fn new() -> Arc<Self> {
        Arc::new(Self { count: Mutex::default(), changed: Condvar::new(), sleeps: Sleeps::new() })
    }

    fn write(&self, count: u64) {
        *self.count.lock().unwrap() += count;
        self.changed.notify_one();
    }

    fn ring(&self) -> Rung {
        self.sleeps.rings.announce();
        self.write(RING);
        Rung::Continue(None)
    }

    /// Sleeps until there is a count.
    fn sleep(&self) -> loom::sync::MutexGuard<'_, u64> {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.changed.wait(count).unwrap();
        }
        count
    }

    /// The thread: sleeps as a dispatcher's does, until the close. Calls `read` for each count with signals that it takes.
    fn run(&self, opening: usize, read: impl Fn()) {
        let mut beside = false;
        loop {
            let slept = if beside {
                self.sleeps.sleep_beside(opening, || {
                    self.sleep();
                    Ok::<_, Infallible>(())
                })
            } else {
                self.sleeps.sleep(opening, || {
                    let count = core::mem::take(&mut *self.sleep());
                    if !count.is_multiple_of(RING) {
                        read();
                    }
                    Ok(Some(count))
                })
            };
            match slept.unwrap() {
                Slept::Closed => return,
                slept => beside = slept == Slept::Rung,
            }
        }
    }

    /// Takes as a source does.
    fn take(&self) -> u64 {
        let look = || Ok::<_, Infallible>(core::mem::take(&mut *self.count.lock().unwrap()));
        self.sleeps.take(look, || self.ring()).unwrap()
    }

    fn close(&self) {
        self.sleeps.close(|| self.ring());
    }

    /// Starts a thread that sleeps in the eventfd.
    fn start(self: &Arc<Self>, read: impl Fn() + Send + 'static) -> thread::JoinHandle<()> {
        let (machine, opening) = (self.clone(), self.sleeps.open());
        thread::spawn(move || machine.run(opening, read))
    }
}

/// A signal that has been made is taken, though the thread's `read` may just have taken it. What the thread did before its note
/// is seen then.
// Caught: read-unsettled, read-takes-nothing, ring-unannounced, rings-are-signals.
#[test]
fn i3_a_signal_is_taken_though_a_read_has_it() {
    bounded(|| {
        let (machine, probe) = (Machine::new(), Probe::new());
        let thread = machine.start({
            let probe = probe.clone();
            move || _ = probe.touch()
        });
        machine.write(1);
        assert_eq!(machine.take(), 1);
        probe.touch();
        machine.close();
        thread.join().unwrap();
        assert_eq!(machine.take(), 0);
    });
}

/// Signals of another thread and the rings of looks don't touch each other.
// Caught: ring-unannounced, rings-are-signals, read-unsettled.
#[test]
fn e2_all_signals_are_taken_once_by_the_look_after_a_close() {
    bounded(|| {
        let machine = Machine::new();
        let thread = machine.start(|| {});
        let signals = thread::spawn({
            let machine = machine.clone();
            move || machine.write(3)
        });
        let before = machine.take();
        machine.close();
        thread.join().unwrap();
        signals.join().unwrap();
        assert_eq!(before + machine.take(), 3);
    });
}

/// A thread that is about to sleep sees a close, or is rung for.
// Caught: closed-unseen, close-unsettled.
#[test]
fn i16_a_close_is_not_missed() {
    bounded(|| {
        let machine = Machine::new();
        let thread = machine.start(|| {});
        machine.close();
        thread.join().unwrap();
    });
}

/// After a close, the thread is in none of its rounds, and what was done in them is seen.
// Caught: close-unsettled.
#[test]
fn i5_no_read_outlasts_a_close() {
    bounded(|| {
        let (machine, probe) = (Machine::new(), Probe::new());
        let thread = machine.start({
            let probe = probe.clone();
            move || _ = probe.touch()
        });
        machine.write(1);
        machine.close();
        let reads = probe.touch();
        thread.join().unwrap();
        assert_eq!(machine.take(), 1);
        assert!(reads <= 1);
    });
}
