//! Waiting for progress, for the rigs of sources and for tests of drivers.
//!
//! How fast something happens is the machine's affair. So these waits have no deadline: one fails only if nothing moves any
//! more, in the whole process, for 150 seconds. Each wait that ends is a move.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long nothing may move before a wait fails. The last resort: it only keeps a test that hangs from hanging for ever.
pub(super) const PATIENCE: Duration = Duration::from_secs(150);
/// How often a wait has to look whether anything has moved: at least once in this time.
///
/// ```
/// assert_eq!(interrupt_lock::test_kit::progress::LOOK.as_secs(), 1);
/// ```
pub const LOOK: Duration = Duration::from_secs(1);

/// Relaxed: nothing is read that was written before a move.
static MOVES: AtomicU64 = AtomicU64::new(0);

/// Tells all waits of the process that something has moved. The functions here call it as their wait ends; a wait of your
/// own calls it itself.
///
/// ```
/// use std::sync::mpsc::channel;
/// use interrupt_lock::test_kit::progress;
///
/// let (report, results) = channel();
/// report.send(120).unwrap();
/// assert_eq!(results.recv(), Ok(120));
/// progress::moved();
/// ```
pub fn moved() {
    MOVES.fetch_add(1, Relaxed);
}

/// Gives the processor to other threads for some microseconds, in a loop of a device.
///
/// A thread that yields instead waits, on a busy machine, until every other thread has had a turn.
///
/// ```
/// for _ in 0..3 {
///     interrupt_lock::test_kit::progress::pause();
/// }
/// ```
pub fn pause() {
    thread::sleep(Duration::from_micros(20));
}

/// Measures for how long nothing has moved, for a wait of your own.
///
/// ```
/// use std::sync::mpsc::{RecvTimeoutError, channel};
/// use interrupt_lock::test_kit::progress::{LOOK, Standstill, moved};
///
/// let (report, results) = channel();
/// std::thread::spawn(move || report.send(120));
/// let mut standstill = Standstill::from_now();
/// let result = loop {
///     match results.recv_timeout(LOOK) {
///         Err(RecvTimeoutError::Timeout) if !standstill.is_too_long() => {}
///         result => break result,
///     }
/// };
/// moved();
/// assert_eq!(result, Ok(120));
/// ```
#[derive(Debug)]
pub struct Standstill {
    limit: Duration,
    moves: u64,
    looked: Instant,
    lasts: Duration,
}

impl Standstill {
    /// Begins to measure, for a wait that fails after 150 seconds of standstill.
    ///
    /// ```
    /// let mut standstill = interrupt_lock::test_kit::progress::Standstill::from_now();
    /// assert!(!standstill.is_too_long());
    /// ```
    #[must_use]
    pub fn from_now() -> Self {
        Self::of(PATIENCE)
    }

    /// Begins to measure, for a wait that fails after another time.
    pub(super) fn of(limit: Duration) -> Self {
        Self { limit, moves: MOVES.load(Relaxed), looked: Instant::now(), lasts: Duration::ZERO }
    }

    /// Returns whether it is time to give up. Call it at least once in each [`LOOK`]. If the machine kept the thread from
    /// that, the rest of the time does not count.
    ///
    /// ```
    /// let mut standstill = interrupt_lock::test_kit::progress::Standstill::from_now();
    /// assert!(!standstill.is_too_long());
    /// ```
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
///
/// ```
/// use interrupt_lock::test_kit::progress;
/// use interrupt_lock::{Claim, Interrupt, source::Software};
///
/// let (source, line) = Software::edge();
/// let interrupt = Interrupt::builder(()).isr(|_| Claim::Claimed).source(source).build()?;
/// interrupt.enable()?;
/// line.assert();
/// assert!(progress::comes(|| interrupt.stats().claimed == 1));
/// # Ok::<(), interrupt_lock::Error>(())
/// ```
pub fn comes(so: impl FnMut() -> bool) -> bool {
    comes_within(PATIENCE, so)
}

pub(super) fn comes_within(patience: Duration, mut so: impl FnMut() -> bool) -> bool {
    let (mut standstill, mut looks) = (Standstill::of(patience), 0);
    while !so() {
        if standstill.is_too_long() {
            return false;
        }
        // Often it is there at the next look. If not, looking takes the processor from those who would bring it.
        match looks {
            0..50 => core::hint::spin_loop(),
            50..100 => pause(),
            _ => thread::sleep(Duration::from_millis(1)),
        }
        looks += 1;
    }
    moved();
    true
}

/// Waits until what the lock protects is as wanted. Returns the guard, and whether it is so.
///
/// A lock that a panic has poisoned is used all the same.
///
/// ```
/// use std::sync::{Condvar, Mutex};
/// use interrupt_lock::test_kit::progress;
///
/// let (results, changed) = (Mutex::new(vec![24, 120]), Condvar::new());
/// let (results, so) = progress::wait(results.lock().unwrap(), &changed, |results| results.len() == 2);
/// assert!(so && results[1] == 120);
/// ```
pub fn wait<'a, T>(
    guard: MutexGuard<'a, T>,
    changed: &Condvar,
    wanted: impl Fn(&T) -> bool,
) -> (MutexGuard<'a, T>, bool) {
    wait_within(PATIENCE, guard, changed, wanted)
}

pub(super) fn wait_within<'a, T>(
    patience: Duration,
    mut guard: MutexGuard<'a, T>,
    changed: &Condvar,
    wanted: impl Fn(&T) -> bool,
) -> (MutexGuard<'a, T>, bool) {
    let mut standstill = Standstill::of(patience);
    loop {
        let waited = changed.wait_timeout_while(guard, LOOK, |value| !wanted(value));
        guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        let so = wanted(&guard);
        if so {
            moved();
        }
        if so || standstill.is_too_long() {
            return (guard, so);
        }
    }
}
