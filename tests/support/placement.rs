//! Where threads run, and a source that can be placed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::task::Waker;

use interrupt_lock::source::{EdgeHandle, Ready, Software, Source};
use interrupt_lock::{Claim, Info, Interrupt, Policy, PolicyAnswer, ProcessorSet, SourceError};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::receive;

pub type Processors = BTreeSet<usize>;

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

/// The set of this one processor.
pub fn only(number: usize) -> ProcessorSet {
    ProcessorSet::new(1 << (number % 64)).in_group(u16::try_from(number / 64).unwrap())
}

/// Returns the numbers in sets.
pub fn numbers(sets: &[ProcessorSet]) -> Processors {
    let of = |set: &ProcessorSet| {
        let (mask, first) = (set.mask(), usize::from(set.group()) * 64);
        (0..64).filter(move |bit| mask >> bit & 1 != 0).map(move |bit| first + bit)
    };
    sets.iter().flat_map(of).collect()
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

/// Returns how the ISR's thread is scheduled under `policy`, and the policy's answer.
pub fn served_with(policy: Policy, (source, assert): (Placed, EdgeHandle)) -> (Seen, PolicyAnswer) {
    let (report, reported) = channel();
    let interrupt = Interrupt::builder(())
        .isr(move |_| {
            report.send(seen()).unwrap();
            Claim::Claimed
        })
        .source(source)
        .policy(policy)
        .build()
        .unwrap();
    interrupt.enable().unwrap();
    assert.assert();
    let seen = receive(&reported);
    (seen, interrupt.policy_answer())
}
