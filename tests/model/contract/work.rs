//! The work item.

use crate::contract::{Panicked, Phase, World};
use crate::driver::EITHER;
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

    /// `run_work_item()`: runs it once, and answers whether another run is queued.
    pub(super) fn run_work_item(&mut self, which: Which) -> String {
        match self.run_work(which) {
            Ok(_) if self.ends_elsewhere => EITHER.into(),
            Ok(more) => more.to_string(),
            Err(NoCallbackLock) => "panics: callback lock".into(),
        }
    }

    /// Takes the callback lock first, if the work item is serialized (rule W5): a run that has begun can't be put off.
    fn run_work(&mut self, which: Which) -> Result<bool, NoCallbackLock> {
        let kind = self.interrupts[which].kind;
        if !(kind.in_device && kind.serialized) {
            let more = self.run_work_now(which);
            self.after_section(which);
            return Ok(more);
        }
        if self.interrupts[which].work.queueings == 0 {
            self.after_section(which);
            return Ok(false);
        }
        if self.device.callback_lock {
            return Err(NoCallbackLock);
        }
        self.device.callback_lock = true;
        let more = self.run_work_now(which);
        self.release_callback_lock();
        self.after_section(which);
        Ok(more)
    }

    fn run_work_now(&mut self, which: Which) -> bool {
        let interrupt = &mut self.interrupts[which];
        if interrupt.work.runs || interrupt.work.queueings == 0 {
            return false;
        }
        let merged = std::mem::take(&mut interrupt.work.queueings) - 1;
        interrupt.work.runs = true;
        interrupt.counts.work_run += 1;
        interrupt.counts.work_merged += merged;
        match self.call(which, Callback::Work, &format!("(+{merged})")) {
            Ok(Ends::Keeps) => _ = self.queue(which),
            Ok(_) => {}
            Err(Panicked) => self.leave_fault(which, "WorkItem panicked"),
        }
        let interrupt = &mut self.interrupts[which];
        interrupt.work.runs = false;
        let more = interrupt.work.queueings > 0;
        if !interrupt.keeps_masked {
            return more;
        }
        interrupt.unmask_left = true;
        self.leave(which);
        // That release of the lock may have queued another run, and may have been the end of the interrupt.
        self.interrupts[which].work.queueings > 0
    }

    /// Runs what is queued (rule W7), unless this thread holds the callback lock that it needs.
    pub(super) fn flush(&mut self, which: Which) {
        while self.interrupts[which].work.queueings > 0 && self.run_work(which).is_ok() {}
    }
}

/// This thread holds the callback lock already.
struct NoCallbackLock;
