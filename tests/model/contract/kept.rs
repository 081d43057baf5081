//! From the ISR that keeps its interrupt masked to the unmasking (rule I6).

use crate::contract::{Panicked, World};
use crate::operations::{Callback, Ends, Which};

impl World {
    /// `unmask()`.
    pub(super) fn unmask(&mut self, which: Which) -> String {
        if !self.acquire(which) {
            return "panics: Recursive".into();
        }
        self.unmask_kept(which);
        self.release(which);
        "unmasked".into()
    }

    /// After the ISR. `runs` is how many runs of the work item there were before it.
    pub(super) fn keep_masked(&mut self, which: Which, runs: u64, unmask: bool) {
        let interrupt = &mut self.interrupts[which];
        if !interrupt.unmasks() {
            return;
        }
        interrupt.keeps_masked = true;
        // The run that should unmask it is over already.
        if unmask && interrupt.work.is_idle() && interrupt.counts.work_run != runs {
            self.unmask_now(which);
        }
    }

    /// After a run of the work item. If another is queued by now, its end unmasks.
    pub(super) fn make_left_unmask(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        // The ISR that runs as it awakes comes first.
        if interrupt.owes_an_answer() {
            return;
        }
        if std::mem::take(&mut interrupt.unmask_left) && interrupt.work.is_idle() {
            self.unmask_kept(which);
        }
    }

    fn unmask_kept(&mut self, which: Which) {
        if self.interrupts[which].keeps_masked && self.interrupts[which].in_service() {
            self.unmask_now(which);
        }
    }

    /// The callback first. If it asks for another run of the work item, the end of that run comes here again.
    fn unmask_now(&mut self, which: Which) {
        match self.ask_driver(which) {
            Ok(Ends::Keeps) => _ = self.queue(which),
            Ok(_) => {
                self.interrupts[which].keeps_masked = false;
                self.unmask_line(which);
            }
            Err(Panicked) => self.fault(which, "Unmask panicked"),
        }
    }

    /// A device that is inactive or asleep is not asked before it delivers again.
    fn ask_driver(&mut self, which: Which) -> Result<Ends, Panicked> {
        let interrupt = &mut self.interrupts[which];
        if !interrupt.kind.has_unmask {
            return Ok(Ends::Well);
        }
        if !interrupt.delivers() {
            interrupt.unmask_put_off = true;
            return Ok(Ends::Well);
        }
        self.call(which, Callback::Unmask, "")
    }

    /// As it delivers again: a run of the work item, whose end asks the device.
    pub(super) fn make_up_for_unmask(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        if interrupt.delivers() && std::mem::take(&mut interrupt.unmask_put_off) {
            interrupt.keeps_masked = true;
            self.queue(which);
        }
    }

    /// It goes out of service.
    pub(super) fn forget_kept(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        (interrupt.keeps_masked, interrupt.unmask_left, interrupt.unmask_put_off) = (false, false, false);
    }
}
