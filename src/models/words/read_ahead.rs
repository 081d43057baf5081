//! What a ring has read of an eventfd, and when.

use alloc::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::models::{Probe, bounded};
use crate::source::read_ahead::{ReadAhead, Reader};
use crate::source::waitable::Rounds;
use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;

/// An eventfd, and the thread that reads it.
struct Ring {
    system: Mutex<System>,
    changed: Condvar,
    rounds: Rounds,
    /// 1 once the thread has to end.
    stop: AtomicUsize,
}

/// What the system keeps.
#[derive(Default)]
struct System {
    eventfd: u64,
    bell: bool,
}

impl Ring {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            system: Mutex::default(),
            changed: Condvar::new(),
            rounds: Rounds::new(),
            stop: AtomicUsize::new(0),
        })
    }

    fn signal(&self) {
        self.system.lock().unwrap().eventfd += 1;
        self.changed.notify_one();
    }

    fn ring(&self) {
        self.system.lock().unwrap().bell = true;
        self.changed.notify_one();
    }

    /// Waits for the eventfd and the bell, and reads both.
    fn wait(&self) -> u64 {
        let mut system = self.system.lock().unwrap();
        while !system.bell && system.eventfd == 0 {
            system = self.changed.wait(system).unwrap();
        }
        system.bell = false;
        core::mem::take(&mut system.eventfd)
    }

    /// The thread: reads and notes, until the stop.
    fn run(&self, read_ahead: &ReadAhead, noted: impl Fn()) {
        loop {
            self.rounds.begin();
            // Relaxed: the rounds order it.
            let ends = self.stop.load(Relaxed) != 0;
            let count = if ends { 0 } else { self.wait() };
            if count != 0 {
                noted();
                read_ahead.note(count);
            }
            self.rounds.end();
            if ends {
                return;
            }
        }
    }

    fn stop(&self) {
        self.stop.store(1, Relaxed);
        if self.rounds.is_waiting() {
            self.ring();
        }
    }

    fn look(&self) -> Result<u64, ()> {
        Ok(core::mem::take(&mut self.system.lock().unwrap().eventfd))
    }
}

impl Reader for Ring {
    fn settle(&self) {
        self.rounds.settle(|| self.ring());
    }
}

/// A signal that has been made is taken, though the ring may just have read it.
// Caught: read-ahead-look-after-settle, read-ahead-settle-not.
#[test]
fn i3_a_signal_is_taken_though_a_ring_has_read_it() {
    bounded(|| {
        let (ring, probe, read_ahead) = (Ring::new(), Probe::new(), Arc::new(ReadAhead::default()));
        read_ahead.set_reader(Some(ring.clone()));
        let thread = thread::spawn({
            let (ring, probe, read_ahead) = (ring.clone(), probe.clone(), read_ahead.clone());
            move || {
                ring.run(&read_ahead, || {
                    probe.touch();
                })
            }
        });
        ring.signal();
        assert_eq!(read_ahead.take(|| ring.look()), Ok(1));
        probe.touch();
        assert_eq!(read_ahead.take(|| ring.look()), Ok(0));
        ring.stop();
        thread.join().unwrap();
        read_ahead.set_reader(None);
    });
}
