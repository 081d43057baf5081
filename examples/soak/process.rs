//! The threads and the descriptors of this process.

use std::fs;
use std::time::Duration;

use crate::watch;

/// How many there are; 0 where the system does not tell.
#[derive(PartialEq, Eq, Debug)]
pub struct Resources {
    threads: usize,
    descriptors: usize,
}

impl Resources {
    pub fn now() -> Self {
        let entries = |directory| fs::read_dir(directory).map_or(0, Iterator::count);
        Self { threads: entries("/proc/self/task"), descriptors: entries("/proc/self/fd") }
    }

    /// Waits until as many are left as there were. If that never comes, the watchdog tells.
    pub fn wait_until_back(&self) {
        watch::step("waits for this many threads to be left", self.threads as u64);
        while Self::now().threads > self.threads {
            std::thread::sleep(Duration::from_millis(1));
        }
        watch::step("waits for this many descriptors to be left", self.descriptors as u64);
        while Self::now().descriptors > self.descriptors {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
