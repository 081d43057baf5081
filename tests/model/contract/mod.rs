//! The contract as a plain state machine: one thread, no atomics, no waiting. Read it beside `src/guide/contract.md`.
//!
//! | file | holds | rules |
//! |---|---|---|
//! | this one | the world, and how an operation finds its rule | |
//! | `lock` | sections, and what their end serves | L4, L7, L12, E6 |
//! | `delivery` | from an assertion to the claim | I1 to I7, I10, E8 |
//! | `kept` | from an ISR that keeps its interrupt masked to the unmasking | I6 |
//! | `work` | the work item | W1 to W8 |
//! | `transition` | enable, disable, inactive, fault, removal, the end | E1 to E8, I12, I13, I15 |
//! | `device` | power, reset, callback lock | E5, E9, W5 |
//! | `source` | software sources | |
//! | `line` | the shared line | I7 |

mod delivery;
mod device;
mod kept;
mod line;
mod lock;
mod source;
mod transition;
mod work;

use std::collections::VecDeque;

use crate::operations::{Behaviour, Callback, Ends, INTERRUPTS, Kind, Op, SourceKind, Which};
use crate::script::{Counts, Entry, Glance, Scripts};
use device::Device;
use line::Line;
use lock::Lock;
use source::Source;

/// What an operation answers.
type Answer = Result<&'static str, Error>;

/// An error, in the words of the log.
type Error = String;

/// A callback has panicked.
struct Panicked;

/// Where an interrupt is between its building and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Disabled,
    /// The source is being connected, or the enable callback runs.
    Connecting,
    Enabled,
    /// Connected while the device is in low power.
    Asleep,
    Faulted,
    Removed,
    Ended,
}

impl Phase {
    fn is_connected(self) -> bool {
        matches!(self, Self::Connecting | Self::Enabled | Self::Asleep)
    }

    fn is_in_service(self) -> bool {
        matches!(self, Self::Enabled | Self::Asleep)
    }
}

/// A closure that waits for the lock.
struct Closure {
    number: usize,
    behaviour: Behaviour,
}

/// An interrupt.
struct Interrupt {
    kind: Kind,
    phase: Phase,
    /// Reported inactive. Outlives a disable.
    inactive: bool,
    /// Disabled by the driver: power leaves it alone.
    kept_disabled: bool,
    fault: Option<String>,
    source: Source,
    /// A transition is under way.
    in_transition: bool,
    /// Deliveries left to the owner of the lock.
    pending: u64,
    /// Taken and not delivered, because the interrupt is inactive or asleep.
    withheld: u64,
    /// It stays masked until the work item has run.
    keeps_masked: bool,
    /// An assertion waits for the device to come to D0.
    wakes: bool,
    /// Faults that the owner of the lock is to make.
    left_faults: Vec<&'static str>,
    /// The owner of the lock is to unmask it.
    unmask_left: bool,
    /// The unmask callback waits until assertions reach the ISR.
    unmask_put_off: bool,
    /// The system wants the device back.
    removal_wanted: bool,
    closures: VecDeque<Closure>,
    /// Until the end runs the last.
    takes_closures: bool,
    work: work::WorkItem,
    counts: Counts,
    has_handle: bool,
    /// The handle has been dropped, and the end waits for a section.
    end_waits: bool,
    freed: u64,
}

/// A world of the model.
pub struct World {
    interrupts: Vec<Interrupt>,
    /// The interrupts' own locks, and behind them the shared one.
    locks: Vec<Lock>,
    line: Line,
    device: Device,
    scripts: Scripts,
    log: Vec<Entry>,
    in_isr: bool,
    /// Another thread ends an interrupt, while this one waits in an ISR.
    elsewhere: bool,
    ends_elsewhere: bool,
}

impl World {
    pub fn new(kinds: &[Kind]) -> Self {
        let interrupts = kinds.iter().map(Interrupt::new).collect();
        let mut locks: Vec<_> = (0..INTERRUPTS).map(|which| Lock::of(vec![which])).collect();
        locks.push(Lock::of((0..INTERRUPTS).filter(|&which| kinds[which].shares_lock).collect()));
        Self {
            interrupts,
            locks,
            line: Line::default(),
            device: Device::of((0..INTERRUPTS).filter(|&which| kinds[which].in_device).collect()),
            scripts: Scripts::default(),
            log: Vec::new(),
            in_isr: false,
            elsewhere: false,
            ends_elsewhere: false,
        }
    }

    /// Returns what has been logged since the last call.
    pub fn take_log(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.log)
    }

    /// Returns whether another thread has ended an interrupt since the last call.
    pub fn take_ends_elsewhere(&mut self) -> bool {
        std::mem::take(&mut self.ends_elsewhere)
    }

    /// Performs an operation, and logs its answer.
    pub fn perform(&mut self, op: &Op) {
        let answer = self.answer(op);
        self.log_answer(answer);
    }

    fn log_answer(&mut self, answer: String) {
        let rounds = self.line.rounds;
        let glances = self.interrupts.iter().map(|interrupt| interrupt.glance(rounds)).collect();
        self.log.push(Entry::Answer(answer, glances));
    }

    fn answer(&mut self, op: &Op) -> String {
        match op {
            Op::Enable(which) => said(self.enable(*which)),
            Op::Disable(which) => said(self.disable(*which)),
            Op::Service(which) => self.service(*which).into(),
            Op::ServiceRemoval(which) => self.service_removal(*which),
            Op::Inactive(which) => said(self.report_inactive(*which)),
            Op::Active(which) => said(self.report_active(*which)),
            Op::ClearFault(which) => self.clear_fault(*which).unwrap_or_else(|error| error),
            Op::Check(which) => said(self.check(*which).map(|()| "()")),
            Op::Unmask(which) => self.unmask(*which),
            Op::Queue(which) => self.queue(*which),
            Op::RunWork(which) => self.run_work_item(*which),
            Op::Drop(which) => self.drop_handle(*which).into(),
            Op::Section(which, how, ops) => self.section(*which, *how, ops),
            Op::Submit(which, count, behaviour) => self.submit(*which, *count, behaviour),
            Op::Script(which, callback, behaviour) => {
                self.scripts.add(*which, *callback, behaviour.clone());
                "noted".into()
            }
            Op::Source(which, event) => {
                self.source_event(*which, *event);
                "happened".into()
            }
            Op::EnterD0 => said(self.enter_d0()),
            Op::ExitD0 => said(self.exit_d0()),
            Op::Reset(behaviour) => said(self.reset(behaviour)),
            Op::Synchronize(ops) => self.synchronize(ops).into(),
            Op::DeviceScript(power, behaviour) => {
                self.scripts.add_power(*power, behaviour.clone());
                "noted".into()
            }
        }
    }

    fn begins(&mut self, what: String) {
        self.log.push(Entry::Begins(what, self.elsewhere));
    }

    /// Calls a callback of an interrupt, and returns how it ended.
    fn call(&mut self, which: Which, callback: Callback, note: &str) -> Result<Ends, Panicked> {
        self.begins(format!("i{which} {callback:?}{note}"));
        let behaviour = self.scripts.next(which, callback);
        self.behave(&behaviour)
    }

    fn behave(&mut self, behaviour: &Behaviour) -> Result<Ends, Panicked> {
        if !self.elsewhere {
            behaviour.does.iter().for_each(|op| self.perform(op));
        }
        if behaviour.ends == Ends::Panics { Err(Panicked) } else { Ok(behaviour.ends) }
    }
}

impl Interrupt {
    fn new(kind: &Kind) -> Self {
        Self {
            kind: *kind,
            phase: Phase::Disabled,
            inactive: false,
            kept_disabled: false,
            fault: None,
            source: Source::of(kind.source),
            in_transition: false,
            pending: 0,
            withheld: 0,
            keeps_masked: false,
            wakes: false,
            left_faults: Vec::new(),
            unmask_left: false,
            unmask_put_off: false,
            removal_wanted: false,
            closures: VecDeque::new(),
            takes_closures: true,
            work: work::WorkItem::default(),
            counts: Counts::default(),
            has_handle: true,
            end_waits: false,
            freed: 0,
        }
    }

    /// Connected, and not out of service.
    fn in_service(&self) -> bool {
        self.phase.is_in_service()
    }

    /// Something can be kept masked.
    fn unmasks(&self) -> bool {
        self.kind.source != SourceKind::None || self.kind.has_unmask
    }

    /// It sleeps, and its device is brought up for an assertion that it has not answered.
    fn owes_an_answer(&self) -> bool {
        self.phase == Phase::Asleep && !self.inactive && self.withheld > 0
    }

    /// Assertions reach the ISR.
    fn delivers(&self) -> bool {
        self.phase == Phase::Enabled && !self.inactive
    }

    fn glance(&self, rounds: (u64, u64)) -> Glance {
        let state = match self.phase {
            Phase::Disabled | Phase::Connecting => "Disabled",
            Phase::Enabled if self.inactive => "Inactive",
            Phase::Enabled => "Enabled",
            Phase::Asleep => "Asleep",
            Phase::Faulted => "Faulted",
            Phase::Removed => "Removed",
            Phase::Ended => "Ended",
        };
        let mut counts = self.counts;
        let waiting = self.work.queueings;
        counts.work_queued = counts.work_run + waiting.min(1);
        counts.work_merged += waiting.saturating_sub(1);
        Glance { state, fault: self.fault.clone(), counts, work_queued: waiting > 0, freed: self.freed, rounds }
    }
}

fn said(answer: Answer) -> String {
    answer.map_or_else(|error| error, str::to_owned)
}
