//! What the device's registers say and do: a state machine without threads. The caller says what time it is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use std::vec::Vec;

use crate::cause::SourceError;
use crate::simulated::edu::{Output, Step};
use crate::source::{Removal, Wakeup};

const IDENTIFICATION: usize = 0x00;
const LIVENESS: usize = 0x04;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const DMA_SOURCE: usize = 0x80;
const DMA_DESTINATION: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;

/// Bits of the status register.
const COMPUTING: u32 = 1;
const RAISE_WHEN_DONE: u32 = 1 << 7;

/// The bit of the interrupt status that the end of a computation raises.
const COMPUTED: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct Model {
    compute_time: Duration,
    liveness: u32,
    /// The argument during a computation, the result afterwards.
    factorial: u32,
    raise_when_done: bool,
    interrupt_status: u32,
    /// When the computation will be done, if one is going on.
    computation: Option<Instant>,
    script: VecDeque<(Instant, Step)>,
    output: Output,
    stuck: bool,
    silent: bool,
    removal_requested: bool,
    removed: bool,
}

impl Model {
    pub fn new(compute_time: Duration) -> Self {
        Self { compute_time, ..Self::default() }
    }

    pub fn read(&self, offset: usize, width: usize) -> u64 {
        if self.removed {
            return u64::MAX;
        }
        match (offset, width) {
            // The bus refuses these and gives 0. Registers that the device doesn't have read as all ones.
            (_, 1 | 2) => 0,
            (IDENTIFICATION, 4) => 0x0100_00ed,
            (LIVENESS, 4) => self.liveness.into(),
            (FACTORIAL, 4) => self.factorial.into(),
            (STATUS, 4) => self.status().into(),
            (INTERRUPT_STATUS, 4) => self.interrupt_status.into(),
            (DMA_SOURCE | DMA_DESTINATION | DMA_COUNT | DMA_COMMAND, 4 | 8) => 0,
            _ => u64::MAX,
        }
    }

    pub fn write32(&mut self, offset: usize, value: u32, now: Instant) -> Wakeup {
        if self.removed {
            return Wakeup::default();
        }
        match offset {
            LIVENESS => self.liveness = !value,
            FACTORIAL if self.computation.is_none() => {
                self.factorial = value;
                self.computation = Some(later(now, self.compute_time));
            }
            STATUS => self.raise_when_done = value & RAISE_WHEN_DONE != 0,
            RAISE => return self.raise(value),
            ACKNOWLEDGE => {
                self.interrupt_status &= !value;
                return self.drive();
            }
            _ => {}
        }
        Wakeup::default()
    }

    /// Connects the device's only wire, and brings a line to its level.
    pub fn plug(&mut self, output: Output) -> Result<(), SourceError> {
        if self.removed {
            return Err(SourceError::Removed);
        }
        if self.output.is_plugged() {
            let why = "its interrupt is taken already (line and message exclude each other): drop that source first";
            return Err(SourceError::Refused(why.into()));
        }
        self.output = output;
        // No interrupt is connected to a new wire, so there is nothing to wake.
        let _ = self.drive();
        if self.removal_requested {
            let _ = self.output.request_removal();
        }
        Ok(())
    }

    pub fn unplug(&mut self) {
        self.output = Output::None;
    }

    pub fn perform(&mut self, step: Step) -> Wakeup {
        if self.removed {
            return Wakeup::default();
        }
        match step {
            Step::Raise(bits) => self.raise(bits),
            Step::Stuck(stuck) => {
                self.stuck = stuck;
                self.drive()
            }
            Step::Silent(silent) => {
                self.silent = silent;
                self.drive()
            }
            Step::Remove(Removal::Requested) => {
                self.removal_requested = true;
                self.output.request_removal()
            }
            Step::Remove(Removal::Surprise) => {
                self.removed = true;
                self.computation = None;
                self.script.clear();
                self.output.remove()
            }
        }
    }

    /// Appends a script to the one that is playing.
    pub fn enqueue(&mut self, script: Vec<(Duration, Step)>, now: Instant) {
        if self.removed {
            return;
        }
        let mut due = self.script.back().map_or(now, |&(due, _)| due);
        self.script.extend(script.into_iter().map(|(delay, step)| {
            due = later(due, delay);
            (due, step)
        }));
    }

    /// Returns when the device will do something by itself.
    pub fn next_due(&self) -> Option<Instant> {
        let step = self.script.front().map(|&(due, _)| due);
        self.computation.into_iter().chain(step).min()
    }

    /// Does the one thing that is due next.
    pub fn advance(&mut self) -> Wakeup {
        if self.computation.is_some() && self.computation == self.next_due() {
            self.finish()
        } else if let Some((_, step)) = self.script.pop_front() {
            self.perform(step)
        } else {
            Wakeup::default()
        }
    }

    fn finish(&mut self) -> Wakeup {
        self.computation = None;
        self.factorial = factorial(self.factorial);
        if self.raise_when_done { self.raise(COMPUTED) } else { Wakeup::default() }
    }

    fn status(&self) -> u32 {
        let mut status = 0;
        if self.computation.is_some() {
            status |= COMPUTING;
        }
        if self.raise_when_done {
            status |= RAISE_WHEN_DONE;
        }
        status
    }

    fn raise(&mut self, bits: u32) -> Wakeup {
        self.interrupt_status |= bits;
        match self.output {
            // Each raise sends a message, also while earlier bits are set.
            Output::Message(_) if self.interrupts() => self.output.send(),
            _ => self.drive(),
        }
    }

    fn drive(&self) -> Wakeup {
        self.output.drive(self.stuck || self.interrupts())
    }

    fn interrupts(&self) -> bool {
        self.interrupt_status != 0 && !self.silent
    }
}

fn factorial(n: u32) -> u32 {
    // 34! is the first factorial with 32 factors of two. From there on all are 0 in 32 bits.
    if n >= 34 {
        return 0;
    }
    (1..=n).fold(1, u32::wrapping_mul)
}

/// Returns the time `delay` after `start`, or one that no process lives to see if the clock doesn't go that far.
fn later(start: Instant, delay: Duration) -> Instant {
    const THIRTY_YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    start.checked_add(delay).unwrap_or_else(|| start + THIRTY_YEARS)
}
