//! A log of what happened, in order.

use std::sync::{Arc, Condvar, Mutex};

use super::progress;

#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self, entry: impl Into<String>) {
        self.0.0.lock().unwrap().push(entry.into());
        self.0.1.notify_all();
    }

    /// Returns all entries since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.0.lock().unwrap())
    }

    pub fn count(&self, entry: &str) -> usize {
        self.0.0.lock().unwrap().iter().filter(|&e| e == entry).count()
    }

    pub fn contains(&self, entry: &str) -> bool {
        self.count(entry) != 0
    }

    /// Waits until the log has `entry` at least `n` times.
    #[track_caller]
    pub fn wait_for(&self, entry: &str, n: usize) {
        let count = |entries: &Vec<String>| entries.iter().filter(|&e| e == entry).count();
        let (entries, found) = progress::wait(self.0.0.lock().unwrap(), &self.0.1, |entries| count(entries) >= n);
        let all = entries.clone();
        drop(entries);
        assert!(found, "{entry} is missing in {all:?}");
    }
}
