//! Which processor a thread runs on. On other systems than Linux the system decides.

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::OnceLock;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// Returns the processors that this program may use. The first caller must not have moved yet: the result is the
    /// set of its processors, from then on.
    pub fn processors() -> Vec<usize> {
        static PROCESSORS: OnceLock<Vec<usize>> = OnceLock::new();
        let find = || {
            let allowed = sched_getaffinity(None).unwrap();
            (0..CpuSet::MAX_CPU).filter(|&n| allowed.is_set(n)).collect()
        };
        PROCESSORS.get_or_init(find).clone()
    }

    /// Moves the calling thread to `processor`.
    pub fn move_to(processor: usize) {
        let mut there = CpuSet::new();
        there.set(processor);
        sched_setaffinity(None, &there).unwrap();
    }
}

#[cfg(target_os = "linux")]
pub use linux::{move_to, processors};

#[cfg(not(target_os = "linux"))]
pub fn processors() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, usize::from)).collect()
}

#[cfg(not(target_os = "linux"))]
pub fn move_to(_: usize) {}
