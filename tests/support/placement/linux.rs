//! On Linux: by the calls of the scheduler, /sys and /proc.

use std::fs;
use std::path::PathBuf;
use std::task::Waker;

use interrupt_lock::source::{EdgeHandle, Ready, Software, Source};
use interrupt_lock::{Info, SourceError};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::Processors;

/// Returns the processors of a thread; without one, of the caller.
pub fn processors(thread: Option<Pid>) -> Processors {
    let set = sched_getaffinity(thread).unwrap();
    (0..CpuSet::MAX_CPU).filter(|&number| set.is_set(number)).collect()
}

/// Binds a thread; without one, the caller.
pub fn bind(thread: Option<Pid>, to: &Processors) {
    let mut set = CpuSet::new();
    to.iter().for_each(|&number| set.set(number));
    sched_setaffinity(thread, &set).unwrap();
}

/// Returns the processors that the process may use. No test changes those of its main thread.
pub fn of_process() -> Processors {
    processors(Some(rustix::process::getpid()))
}

/// Returns the machine's processors, if anything tells.
pub fn of_machine() -> Option<Processors> {
    let listed = |list: String| {
        let ends = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()
        };
        list.trim().split(',').flat_map(ends).collect()
    };
    let counted = |stat: String| {
        let number = |line: &str| line.strip_prefix("cpu")?.split_whitespace().next()?.parse().ok();
        stat.lines().skip(1).map_while(number).collect()
    };
    let online = fs::read_to_string("/sys/devices/system/cpu/online").map(listed);
    online.or_else(|_| fs::read_to_string("/proc/stat").map(counted)).ok()
}

/// Returns those of the processors that a thread may have at the same time: all.
pub fn in_one_group(set: &Processors) -> Processors {
    set.clone()
}

/// A source with what a real one has: a place in sysfs, and a number, which changes with each connection.
pub struct Placed {
    pub software: Software,
    pub info: Info,
    pub sysfs: Option<PathBuf>,
}

impl Source for Placed {
    fn info(&self) -> Info {
        self.info.clone()
    }
    fn sysfs(&self) -> Option<PathBuf> {
        self.sysfs.clone()
    }
    fn ready(&mut self) -> Ready<'_> {
        self.software.ready()
    }
    fn connect(&mut self, waker: &Waker) -> Result<(), SourceError> {
        if let Some(vector) = &mut self.info.vector {
            *vector -= 1;
        }
        self.software.connect(waker)
    }
    fn disconnect(&mut self) -> Result<(), SourceError> {
        self.software.disconnect()
    }
    fn take(&mut self) -> Result<u64, SourceError> {
        self.software.take()
    }
}

/// A message of that number, and what asserts it.
pub fn message(number: u32) -> (Placed, EdgeHandle) {
    let (software, assert) = Software::message(number);
    (Placed { info: software.info(), software, sysfs: None }, assert)
}

/// How the thread of an ISR is scheduled.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub processors: Processors,
    pub scheduler: i32,
}

/// Returns how the calling thread is scheduled.
pub fn seen() -> Seen {
    // SAFETY: a system call that takes and returns numbers.
    let scheduler = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) } as i32 & !libc::SCHED_RESET_ON_FORK;
    Seen { processors: processors(None), scheduler }
}
