//! The interrupt lock: sections, and what the end of a section serves.

use crate::contract::{Closure, Panicked, Phase, World};
use crate::operations::{Behaviour, How, INTERRUPTS, Op, Which};

/// How many closures one release runs (rule L12).
const CLOSURES: u32 = 64;

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

    /// Serves batch by batch, with the lock held: the deliveries that wait, then one closure. At its end the lock is
    /// free. Returns whether nothing is left.
    fn serve_left(&mut self, which: Which) -> bool {
        let mut closures = 0;
        let all_served = loop {
            self.lock(which).left = false;
            for tenant in self.lock(which).tenants.clone() {
                self.serve_pending(tenant);
            }
            if closures < CLOSURES {
                closures += 1;
                self.run_closure(which);
            }
            let more = self.lock(which).tenants.clone().iter().any(|&tenant| !self.interrupts[tenant].closures.is_empty());
            self.lock(which).left |= more;
            if more && closures == CLOSURES {
                break false;
            }
            if !self.lock(which).left {
                break true;
            }
        };
        self.lock(which).held = false;
        for place in (0..self.lock(which).tenants.len()).rev() {
            if let Some(&tenant) = self.lock(which).tenants.get(place) {
                self.after_section(tenant);
            }
        }
        all_served
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

    /// What waits for the end of a section: the end of an interrupt, and its device's wake-up.
    pub(super) fn after_section(&mut self, which: Which) {
        self.end_if_it_waits(which);
        if self.interrupts[which].wakes && self.section_of_this_thread(which).is_none() {
            self.wake_device(which);
        }
    }

    /// Why a transition of this interrupt would wait for its caller (rule E4).
    pub(super) fn section_of_this_thread(&self, which: Which) -> Option<()> {
        let interrupt = &self.interrupts[which];
        let inside = self.locks[self.number_of_lock(which)].held
            || interrupt.in_transition
            || interrupt.work.runs
            || (interrupt.kind.in_device && interrupt.kind.serialized && self.device.callback_lock);
        inside.then_some(())
    }

    /// The driver's own section.
    pub(super) fn section(&mut self, which: Which, how: How, ops: &[Op]) -> String {
        if !self.acquire(which) {
            return match how {
                How::Acquire | How::Synchronize => "panics",
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
        let mut answer = "";
        for number in 0..count {
            let behaviour = if number == 0 { behaviour.clone() } else { Behaviour::default() };
            answer = self.submit_one(which, Closure { number, behaviour });
        }
        answer.into()
    }

    fn submit_one(&mut self, which: Which, closure: Closure) -> &'static str {
        let free = !self.lock(which).held;
        // What was submitted before comes first, as far as one release gets.
        let in_order = free
            && (!self.lock(which).left || {
                self.lock(which).held = true;
                self.serve_left(which)
            });
        if self.interrupts[which].phase == Phase::Ended {
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
