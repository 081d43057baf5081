//! A thread that ends the process when no step is made: a hang is shown with its sequence.

use std::process::abort;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::operations::Sequence;

static STEPS: AtomicU64 = AtomicU64::new(0);
static RUNNING: Mutex<Option<(u64, Sequence)>> = Mutex::new(None);

/// Looks once a second. A step takes microseconds; nobody waits a minute for one that will come.
const LOOKS: u32 = 60;

/// Notes that the sequence goes on.
pub fn step() {
    STEPS.fetch_add(1, SeqCst);
}

/// Notes the sequence that begins.
pub fn begins(seed: u64, sequence: &Sequence) {
    *RUNNING.lock().unwrap() = Some((seed, sequence.clone()));
    step();
}

/// Starts the thread.
pub fn start() {
    thread::spawn(|| {
        let (mut seen, mut looks) = (0, 0);
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = STEPS.load(SeqCst);
            looks = if now == seen { looks + 1 } else { 0 };
            seen = now;
            if looks == LOOKS
                && let Some((seed, sequence)) = &*RUNNING.lock().unwrap()
            {
                eprintln!("this sequence hangs (MODEL_SEED={seed}): \n{sequence}");
                abort();
            }
        }
    });
}
