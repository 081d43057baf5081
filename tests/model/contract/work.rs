//! The work item.

use crate::contract::{Panicked, Phase, World};
use crate::operations::{Callback, Ends, Which};

#[derive(Default)]
pub(super) struct WorkItem {
    /// Takes queueings: from the enable on, until the disable.
    pub(super) open: bool,
    /// Queueings that no run has answered.
    pub(super) queueings: u64,
    pub(super) runs: bool,
}

impl WorkItem {
    pub(super) fn is_idle(&self) -> bool {
        !self.runs && self.queueings == 0
    }
}

impl World {
    /// Rules W1 and W2.
    pub(super) fn queue(&mut self, which: Which) -> String {
        let interrupt = &mut self.interrupts[which];
        if !interrupt.work.open {
            let why = match interrupt.phase {
                Phase::Ended => "Ended",
                Phase::Removed => "Removed",
                Phase::Faulted => "Faulted",
                _ => "Disabled",
            };
            return format!("Refused({why})");
        }
        interrupt.work.queueings += 1;
        if interrupt.work.queueings == 1 { "New" } else { "Merged" }.into()
    }

    /// Runs the work item once. Returns whether another run is queued.
    pub(super) fn run_work(&mut self, which: Which) -> bool {
        let interrupt = &mut self.interrupts[which];
        if interrupt.work.runs || interrupt.work.queueings == 0 {
            return false;
        }
        let merged = std::mem::take(&mut interrupt.work.queueings) - 1;
        interrupt.work.runs = true;
        interrupt.counts.work_run += 1;
        interrupt.counts.work_merged += merged;
        match self.call_work(which, merged) {
            Ok(Ends::Keeps) => _ = self.queue(which),
            Ok(_) => {}
            Err(Panicked) => self.fault_without_lock(which, "WorkItem panicked"),
        }
        let interrupt = &mut self.interrupts[which];
        interrupt.work.runs = false;
        let more = interrupt.work.queueings > 0;
        if interrupt.keeps_masked && self.acquire(which) {
            if self.interrupts[which].work.is_idle() {
                self.unmask_kept(which);
            }
            self.release(which);
        }
        self.after_section(which);
        more
    }

    /// Calls the work item, under the callback lock if it is serialized (rule W5).
    fn call_work(&mut self, which: Which, merged: u64) -> Result<Ends, Panicked> {
        let kind = self.interrupts[which].kind;
        let note = format!("(+{merged})");
        if !(kind.in_device && kind.serialized) {
            return self.call(which, Callback::Work, &note);
        }
        if self.device.callback_lock {
            return Err(Panicked);
        }
        self.device.callback_lock = true;
        let ends = self.call(which, Callback::Work, &note);
        self.release_callback_lock();
        ends
    }

    /// Runs what is queued (rule W7).
    pub(super) fn flush(&mut self, which: Which) {
        while self.interrupts[which].work.queueings > 0 {
            self.run_work(which);
        }
    }
}
