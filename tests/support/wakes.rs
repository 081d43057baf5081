//! A waker that counts, and that a test can wait for.

use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};

use super::progress;

#[derive(Default)]
pub struct Wakes {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Wakes {
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::<Self>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        (wakes, waker)
    }

    pub fn count(&self) -> u64 {
        *self.count.lock().unwrap()
    }

    /// Waits until there have been more than `seen` wake-ups. Returns how many there were.
    #[track_caller]
    pub fn wait_past(&self, seen: u64) -> u64 {
        let (count, woken) = progress::wait(self.count.lock().unwrap(), &self.changed, |count| *count > seen);
        let count = *count;
        assert!(woken, "nobody woke the waiter");
        count
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }
}
