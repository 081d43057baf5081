//! Waiting for progress. How fast that comes is the machine's affair: a wait fails only if nothing moves any more, in
//! the whole process. Each wait that ends is a move, and so is each [`step`].

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Condvar, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long nothing may move before a wait fails. The last resort: it only keeps a test that hangs from hanging for ever.
const STANDSTILL: Duration = Duration::from_secs(150);
/// How often a wait looks whether anything has moved.
pub const LOOK: Duration = Duration::from_secs(1);

/// Relaxed: nothing is read that was written before a move.
static MOVES: AtomicU64 = AtomicU64::new(0);

/// A wait has ended.
pub(crate) fn moved() {
    MOVES.fetch_add(1, Relaxed);
}

/// Gives the processor away for a moment. A thread that yields instead waits, on a busy machine, until everybody else
/// has had a turn.
pub fn pause() {
    thread::sleep(Duration::from_micros(20));
}

/// One of the many steps of a long test. Pauses at some of them.
pub fn step() {
    if MOVES.fetch_add(1, Relaxed).is_multiple_of(16) {
        pause();
    }
}

/// For how long nothing has moved.
pub struct Standstill {
    limit: Duration,
    moves: u64,
    looked: Instant,
    lasts: Duration,
}

impl Standstill {
    pub fn from_now() -> Self {
        Self { limit: STANDSTILL, moves: MOVES.load(Relaxed), looked: Instant::now(), lasts: Duration::ZERO }
    }

    /// One that outlasts those of the waits inside, so that they tell what they have waited for.
    fn outer() -> Self {
        Self { limit: 2 * STANDSTILL, ..Self::from_now() }
    }

    /// Returns whether it is time to give up. Called at least once in each `LOOK`; if the machine kept the thread from
    /// that, the rest of the time does not count.
    pub fn is_too_long(&mut self) -> bool {
        let (moves, now) = (MOVES.load(Relaxed), Instant::now());
        let since = (now - self.looked).min(2 * LOOK);
        self.looked = now;
        self.lasts = if moves == self.moves { self.lasts + since } else { Duration::ZERO };
        self.moves = moves;
        self.lasts > self.limit
    }
}

/// Waits, by looking again and again, for something that wakes nobody. Returns whether it has come.
pub fn comes(mut so: impl FnMut() -> bool) -> bool {
    let (mut standstill, mut looks) = (Standstill::from_now(), 0);
    while !so() {
        if standstill.is_too_long() {
            return false;
        }
        // Often it is there at the next look. If not, looking takes the processor from those who would bring it.
        match looks {
            0..50 => std::hint::spin_loop(),
            50..100 => pause(),
            _ => thread::sleep(Duration::from_millis(1)),
        }
        looks += 1;
    }
    moved();
    true
}

/// As [`comes`], and fails the test if it does not come.
#[track_caller]
pub fn until(so: impl FnMut() -> bool) {
    assert!(comes(so), "waited in vain: nothing moves");
}

/// Waits until what the lock protects is as wanted. Returns it, whether it is so or not.
pub fn wait<'a, T>(
    mut guard: MutexGuard<'a, T>,
    changed: &Condvar,
    wanted: impl Fn(&T) -> bool,
) -> (MutexGuard<'a, T>, bool) {
    let mut standstill = Standstill::from_now();
    loop {
        guard = changed.wait_timeout_while(guard, LOOK, |value| !wanted(value)).unwrap().0;
        let so = wanted(&guard);
        if so {
            moved();
        }
        if so || standstill.is_too_long() {
            return (guard, so);
        }
    }
}

/// Waits for the next that is sent.
#[track_caller]
pub fn receive<T>(receiver: &Receiver<T>) -> T {
    let received = next(receiver, Standstill::from_now());
    received.unwrap_or_else(|why| panic!("waited in vain for what is sent: {why}"))
}

/// Waits for the only one that is sent, and longer than each wait inside.
pub(crate) fn next_outside<T>(receiver: &Receiver<T>) -> Result<T, RecvTimeoutError> {
    next(receiver, Standstill::outer())
}

fn next<T>(receiver: &Receiver<T>, mut standstill: Standstill) -> Result<T, RecvTimeoutError> {
    loop {
        match receiver.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if !standstill.is_too_long() => {}
            received => {
                moved();
                return received;
            }
        }
    }
}
