//! What callbacks are to do, call by call, and the log of what was done. The real crate's world has one of each, and
//! the model has its own.

use std::collections::VecDeque;
use std::fmt;

use crate::operations::{Behaviour, CALLBACKS, Callback, INTERRUPTS, POWERS, Power, Which};

/// The behaviours that callbacks have yet to show. A callback without one ends well, and does nothing.
#[derive(Debug, Default)]
pub struct Scripts {
    interrupts: [[VecDeque<Behaviour>; CALLBACKS.len()]; INTERRUPTS],
    device: [VecDeque<Behaviour>; POWERS.len()],
}

impl Scripts {
    pub fn add(&mut self, which: Which, callback: Callback, behaviour: Behaviour) {
        self.interrupts[which][callback as usize].push_back(behaviour);
    }

    pub fn next(&mut self, which: Which, callback: Callback) -> Behaviour {
        self.interrupts[which][callback as usize].pop_front().unwrap_or_default()
    }

    pub fn add_power(&mut self, power: Power, behaviour: Behaviour) {
        self.device[power as usize].push_back(behaviour);
    }

    pub fn next_power(&mut self, power: Power) -> Behaviour {
        self.device[power as usize].pop_front().unwrap_or_default()
    }
}

/// What can be asked of an interrupt at any time, without its lock.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Glance {
    pub state: &'static str,
    pub fault: Option<String>,
    pub counts: Counts,
    pub work_queued: bool,
    /// How many of its callbacks and sources have been freed.
    pub freed: u64,
    /// Of the shared line: the rounds that somebody has claimed, and those that nobody has.
    pub rounds: (u64, u64),
}

/// The counters of an interrupt.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    pub coalesced: u64,
    pub claimed: u64,
    pub spurious: u64,
    pub benign: u64,
    pub stale: u64,
    pub faults: u64,
    pub work_queued: u64,
    pub work_merged: u64,
    pub work_run: u64,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A callback, a closure or a section begins; or another thread begins it, which ends an interrupt.
    Begins(String, bool),
    /// An operation has returned, and the interrupts look like this.
    Answer(String, Vec<Glance>),
}

/// On one line, without what is zero.
impl fmt::Debug for Glance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        write!(f, "{}", self.state)?;
        for (name, count) in [
            ("delivered", counts.delivered),
            ("coalesced", counts.coalesced),
            ("claimed", counts.claimed),
            ("spurious", counts.spurious),
            ("benign", counts.benign),
            ("stale", counts.stale),
            ("faults", counts.faults),
            ("work_queued", counts.work_queued),
            ("work_merged", counts.work_merged),
            ("work_run", counts.work_run),
            ("freed", self.freed),
        ] {
            if count != 0 {
                write!(f, " {name}={count}")?;
            }
        }
        if self.work_queued {
            f.write_str(" queued")?;
        }
        if self.rounds != (0, 0) {
            write!(f, " rounds={:?}", self.rounds)?;
        }
        self.fault.iter().try_for_each(|fault| write!(f, " ({fault})"))
    }
}
