//! From an assertion to the claim.

use crate::contract::source::Trouble;
use crate::contract::{Panicked, World};
use crate::operations::{Callback, Ends, SourceKind, Which};

impl World {
    /// One call of `service()`.
    pub(super) fn service(&mut self, which: Which) -> &'static str {
        if self.lock(which).held {
            self.interrupts[which].pending += 1;
            self.leave_to_owner(which);
            return "Pending";
        }
        // A delivery goes before what was left to the owner.
        self.lock(which).held = true;
        let delivery = self.deliver(which, 1);
        self.release(which);
        delivery
    }

    /// Serves the deliveries that were left to the owner.
    pub(super) fn serve_pending(&mut self, which: Which) {
        let pending = std::mem::take(&mut self.interrupts[which].pending);
        if pending > 0 {
            self.deliver(which, pending);
        }
    }

    /// Delivers what the source has signalled, although nobody has called.
    pub(super) fn serve_signalled(&mut self, which: Which) {
        if self.interrupts[which].kind.source != SourceKind::None {
            self.deliver(which, 0);
        }
    }

    /// Takes what is signalled, with the lock held, and gives it to the ISR if the interrupt delivers. Without a source
    /// the calls themselves are the assertions.
    fn deliver(&mut self, which: Which, calls: u64) -> &'static str {
        if !self.interrupts[which].in_service() {
            if self.interrupts[which].kind.source == SourceKind::None {
                self.interrupts[which].counts.stale += calls;
            }
            return "NotServed";
        }
        match self.take_for_delivery(which, calls) {
            None => "NotServed",
            Some(0) => "Nothing",
            Some(assertions) if self.interrupts[which].delivers() => self.run_isr(which, assertions, true),
            Some(assertions) => {
                self.withhold(which, assertions);
                if self.interrupts[which].inactive {
                    // The other members of a shared line go on. (One that sleeps answers once its device is up.)
                    self.claims(which, false, false);
                }
                "Withheld"
            }
        }
    }

    /// Takes what the source has signalled. A source that fails is a fault, or a removal.
    pub(super) fn take_for_delivery(&mut self, which: Which, calls: u64) -> Option<u64> {
        if self.interrupts[which].kind.source == SourceKind::None {
            return Some(calls);
        }
        self.take(which).map_err(|trouble| self.source_failed(which, trouble)).ok()
    }

    pub(super) fn withhold(&mut self, which: Which, assertions: u64) {
        self.interrupts[which].withheld += assertions;
        self.wake_for_withheld(which);
    }

    /// Runs the ISR, with the lock held, and does what its claim asks for.
    pub(super) fn run_isr(&mut self, which: Which, assertions: u64, mut unmask: bool) -> &'static str {
        self.interrupts[which].counts.coalesced += assertions - 1;
        let runs = self.interrupts[which].counts.work_run;
        let outer = std::mem::replace(&mut self.in_isr, true);
        let claim = self.call(which, Callback::Isr, &format!("({assertions})"));
        if let Ok(Ends::Well | Ends::Keeps) = claim {
            self.deassert(which);
        }
        self.in_isr = outer;
        let counts = &mut self.interrupts[which].counts;
        counts.delivered += 1;
        let delivery = match claim {
            Err(Panicked) => {
                self.fault(which, "Isr panicked");
                return "NotServed";
            }
            Ok(Ends::Gone) => {
                self.remove(which);
                return "Answered(DeviceGone)";
            }
            Ok(Ends::Fails) => {
                self.claims(which, false, false);
                self.unclaimed(which);
                // On a shared line an earlier run may keep the line masked.
                unmask &= !self.interrupts[which].keeps_masked;
                "Answered(Unclaimed)"
            }
            Ok(Ends::Keeps) => {
                counts.claimed += 1;
                self.claims(which, true, true);
                self.keep_masked(which, runs, unmask);
                return "Answered(ClaimedKeepMasked)";
            }
            Ok(_) => {
                counts.claimed += 1;
                "Answered(Claimed)"
            }
        };
        if unmask && self.interrupts[which].keeps_masked {
            // As above: the line is told of the claim alone.
            self.claims(which, true, false);
        } else if unmask {
            self.unmask_line(which);
        }
        delivery
    }

    /// An empty run of a message vector is benign, and so is one on a shared line: the line counts its rounds.
    fn unclaimed(&mut self, which: Which) {
        let interrupt = &mut self.interrupts[which];
        match interrupt.kind.source {
            SourceKind::Message | SourceKind::Line => interrupt.counts.benign += 1,
            _ => interrupt.counts.spurious += 1,
        }
    }

    /// Lets the source signal again.
    pub(super) fn unmask_line(&mut self, which: Which) {
        if let Err(trouble) = self.unmask_source(which) {
            self.source_failed(which, trouble);
        }
    }

    pub(super) fn source_failed(&mut self, which: Which, trouble: Trouble) {
        match trouble {
            Trouble::Removed => self.remove(which),
            Trouble::Fails => self.fault(which, "source failed"),
            Trouble::Panics => self.fault(which, "Source panicked"),
        }
    }
}
