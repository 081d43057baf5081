//! The interrupt lock: sections, and what the end of a section serves.

use crate::contract::{Closure, Panicked, World};
use crate::operations::{Behaviour, How, INTERRUPTS, Op, Which};

/// How many batches one release serves (rule L12).
const BATCHES: u32 = 64;

/// A lock, with the interrupts whose data it holds.
pub(super) struct Lock {
    pub(super) held: bool,
    /// Something is left to the owner: a delivery, a closure, an end.
    left: bool,
    pub(super) tenants: Vec<Which>,
    /// Whose closure is run first. Which interrupt comes first is not promised.
    first: usize,
}

impl Lock {
    pub(super) fn of(tenants: Vec<Which>) -> Self {
        Self { held: false, left: false, tenants, first: 0 }
    }
}

impl World {
    pub(super) fn number_of_lock(&self, which: Which) -> usize {
        if self.interrupts[which].kind.shares_lock { INTERRUPTS } else { which }
    }

    pub(super) fn lock(&mut self, which: Which) -> &mut Lock {
        let number = self.number_of_lock(which);
        &mut self.locks[number]
    }

    /// Acquires the lock, unless this thread holds it. What is left to the owner comes first.
    pub(super) fn acquire(&mut self, which: Which) -> bool {
        if self.lock(which).held {
            return false;
        }
        self.lock(which).held = true;
        if self.lock(which).left {
            self.serve_left(which);
            // What one release could not do comes after this section.
            self.lock(which).held = true;
        }
        true
    }

    /// Releases the lock, and serves what was left to its owner.
    pub(super) fn release(&mut self, which: Which) {
        if self.lock(which).left {
            self.serve_left(which);
        }
        self.lock(which).held = false;
    }

    /// A section of a transition, which has made sure that this thread does not hold the lock.
    pub(super) fn locked<R>(&mut self, which: Which, section: impl FnOnce(&mut Self) -> R) -> R {
        assert!(self.acquire(which), "the model has not looked for its own sections");
        let done = section(self);
        self.release(which);
        done
    }

    /// Serves batch by batch, with the lock held: what is left to the owner, then one closure. At its end the lock is
    /// free. Returns whether nothing is left.
    fn serve_left(&mut self, which: Which) -> bool {
        let mut batches = 0;
        while batches < BATCHES && std::mem::take(&mut self.lock(which).left) {
            batches += 1;
            self.serve_batch(which);
            let closures = self.tenants(which).iter().any(|&tenant| !self.interrupts[tenant].closures.is_empty());
            self.lock(which).left |= closures;
        }
        let all_served = !self.lock(which).left;
        self.lock(which).held = false;
        for place in (0..self.lock(which).tenants.len()).rev() {
            if let Some(&tenant) = self.lock(which).tenants.get(place) {
                self.after_section(tenant);
            }
        }
        all_served
    }

    fn tenants(&mut self, which: Which) -> Vec<Which> {
        self.lock(which).tenants.clone()
    }

    /// An assertion waits for one closure, and never for the next (rules L7, L12).
    fn serve_batch(&mut self, which: Which) {
        for tenant in self.tenants(which) {
            self.do_left(tenant);
            self.serve_pending(tenant);
        }
        if self.tenants(which).iter().any(|&tenant| !self.interrupts[tenant].closures.is_empty()) {
            self.serve_sources(which);
            self.run_closure(which);
        }
    }

    /// Delivers what the sources have signalled.
    fn serve_sources(&mut self, which: Which) {
        for tenant in self.tenants(which) {
            self.serve_signalled(tenant);
        }
    }

    /// What was put off until this thread had released the lock.
    fn do_left(&mut self, which: Which) {
        for fault in std::mem::take(&mut self.interrupts[which].left_faults) {
            self.fault(which, fault);
        }
        self.make_left_unmask(which);
    }

    /// Runs one closure. Each interrupt's run in order of submission.
    fn run_closure(&mut self, which: Which) {
        let lock = self.lock(which);
        let (first, count) = (lock.first, lock.tenants.len());
        lock.first += 1;
        for step in 0..count {
            let tenant = self.lock(which).tenants[(first + step) % count];
            if let Some(closure) = self.interrupts[tenant].closures.pop_front() {
                return self.run(tenant, &closure);
            }
        }
    }

    /// Runs a closure with the lock held. Its panic is a fault.
    pub(super) fn run(&mut self, which: Which, closure: &Closure) {
        self.begins(format!("closure of i{which}, {}", closure.number));
        if let Err(Panicked) = self.behave(&closure.behaviour) {
            self.fault(which, "Deferred panicked");
        }
    }

    /// Notes that the owner of the lock has something to do.
    pub(super) fn leave_to_owner(&mut self, which: Which) {
        self.lock(which).left = true;
    }

    /// Has the owner do something: another section of this thread, or this one.
    pub(super) fn leave(&mut self, which: Which) {
        self.leave_to_owner(which);
        if !self.lock(which).held {
            self.lock(which).held = true;
            self.release(which);
        }
    }

    /// What was submitted before a disable (rule E2).
    pub(super) fn run_submitted(&mut self, which: Which) {
        for _ in 0..self.interrupts[which].closures.len() {
            self.serve_between(which);
            self.run_next(which);
        }
    }

    /// All that is left, before the end.
    pub(super) fn run_last(&mut self, which: Which) {
        self.interrupts[which].takes_closures = false;
        while !self.interrupts[which].closures.is_empty() {
            self.serve_between(which);
            self.run_next(which);
        }
    }

    /// An assertion waits for one closure here, too.
    fn serve_between(&mut self, which: Which) {
        for tenant in self.tenants(which) {
            self.do_left(tenant);
            self.serve_pending(tenant);
        }
        self.serve_sources(which);
        self.leave_to_owner(which);
    }

    fn run_next(&mut self, which: Which) {
        if let Some(closure) = self.interrupts[which].closures.pop_front() {
            self.run(which, &closure);
        }
    }

    /// What waits for the end of a section: the end of an interrupt, and its device's wake-up.
    pub(super) fn after_section(&mut self, which: Which) {
        self.end_if_it_waits(which);
        if self.interrupts[which].wakes && !self.section_of_this_thread(which) {
            self.wake_device(which);
        }
        self.fulfil_removal(which);
    }

    /// A transition of this interrupt would wait for its caller (rule E4).
    pub(super) fn section_of_this_thread(&self, which: Which) -> bool {
        let kind = self.interrupts[which].kind;
        self.own_section(which) || (kind.in_device && kind.serialized && self.device.callback_lock)
    }

    /// This thread is in a section, a transition or the work item of this interrupt.
    pub(super) fn own_section(&self, which: Which) -> bool {
        let interrupt = &self.interrupts[which];
        self.locks[self.number_of_lock(which)].held || interrupt.in_transition || interrupt.work.runs
    }

    /// The driver's own section.
    pub(super) fn section(&mut self, which: Which, how: How, ops: &[Op]) -> String {
        if !self.acquire(which) {
            return match how {
                How::Acquire | How::Synchronize => "panics: Recursive",
                How::Try => "not free",
                How::For => "Recursive",
            }
            .into();
        }
        self.begins(format!("section of i{which}"));
        ops.iter().for_each(|op| self.perform(op));
        self.release(which);
        "held".into()
    }

    /// `run_or_defer`, for each closure (rule L12).
    pub(super) fn submit(&mut self, which: Which, count: usize, behaviour: &Behaviour) -> String {
        for number in 0..count {
            let behaviour = if number == 0 { behaviour.clone() } else { Behaviour::default() };
            let answer = self.submit_one(which, Closure { number, behaviour });
            self.log_answer(answer.into());
        }
        "submitted".into()
    }

    fn submit_one(&mut self, which: Which, closure: Closure) -> &'static str {
        let free = !self.lock(which).held;
        // What was submitted before comes first, as far as one release gets.
        let in_order = free
            && (!self.lock(which).left || {
                self.lock(which).held = true;
                self.serve_left(which)
            });
        if !self.interrupts[which].takes_closures {
            return "Ended";
        }
        if in_order {
            self.lock(which).held = true;
            self.run(which, &closure);
            self.release(which);
            self.after_section(which);
            return "Ran";
        }
        self.interrupts[which].closures.push_back(closure);
        self.leave_to_owner(which);
        if free {
            self.lock(which).held = true;
            self.release(which);
        }
        "Deferred"
    }
}
