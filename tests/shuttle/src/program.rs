//! Programs: what each thread does, and what each callback does. A seed and a scenario determine a program.

use crate::random::Random;

/// One public operation of a thread that holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `enable()`.
    Enable,
    /// `disable()`.
    Disable,
    /// The device asserts, and the thread calls `service()`.
    Assert,
    /// `service()` and no assertion, where there is a source.
    Service,
    /// `service_removal()`.
    ServiceRemoval,
    /// `queue_work_item()`.
    Queue,
    /// `run_work_item()`, as a worker does.
    Work,
    /// `acquire_interrupt_lock()`.
    Hold(Act),
    /// `try_acquire_interrupt_lock()`.
    Try(Act),
    /// `run_or_defer()`.
    Submit(Act),
    /// `report_inactive()`.
    Inactive,
    /// `report_active()`.
    Active,
    /// `clear_fault()`.
    Clear,
    /// `unmask()`.
    Unmask,
    /// The handle is dropped.
    Drop,
    /// `Device::enter_d0()`.
    EnterD0,
    /// `Device::exit_d0()`.
    ExitD0,
    /// `Device::synchronize()`.
    Synchronize(Act),
}

/// What is done inside a section or a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// `queue_work_item()`.
    Queue,
    /// `run_or_defer()`.
    Submit,
    /// The device asserts, and the thread calls `service()`.
    Assert,
    /// A transition of the same interrupt, which is refused here.
    Refused,
    /// The handle is dropped.
    Drop,
    /// An error, or a panic where there is no error to return.
    Fail,
    /// The ISR does not claim.
    Unclaimed,
    /// The ISR claims and keeps its line masked.
    KeepMasked,
    /// The ISR says that the device has gone.
    Gone,
    /// The work item asks to run again.
    Again,
    /// `enable()` of the next interrupt, whose own callback may do the same.
    EnableNext,
    /// `disable()` of the next interrupt.
    DisableNext,
    /// The handle of the next interrupt is dropped.
    DropNext,
}

/// From where an interrupt is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// From nowhere: each `service()` is an assertion.
    Nowhere,
    /// From a source that counts edges.
    Counter,
    /// From a level line that all interrupts share.
    Line,
}

/// A family of programs.
pub struct Scenario {
    /// How it is called on the command line.
    pub name: &'static str,
    /// How many interrupts there are, at most.
    pub interrupts: usize,
    /// How many threads there are: the least and the most.
    pub threads: (usize, usize),
    /// How many operations a thread does, at most.
    pub ops: usize,
    /// Whether the interrupts share one lock.
    pub shares_lock: bool,
    /// From where they are asserted.
    pub from: From,
    /// Whether they belong to a device.
    pub device: bool,
    /// Whether their callbacks wait for one another, so that circles of waits are possible.
    pub circles: bool,
    /// From what the operations are drawn. One that stands here twice is drawn twice as often.
    pub draw: &'static [Op],
    /// From what the acts are drawn.
    pub acts: &'static [Act],
}

/// What the callbacks of an interrupt do, run after run. After the last entry they do nothing.
#[derive(Clone, Debug)]
pub struct Script {
    /// What the ISR does.
    pub isr: Vec<Act>,
    /// What the work item does.
    pub work: Vec<Act>,
    /// What the enable callback does.
    pub enable: Vec<Act>,
    /// What the disable callback does.
    pub disable: Vec<Act>,
    /// Whether the takes of the source fail.
    pub takes: Vec<Act>,
    /// Whether it is enabled before the threads begin.
    pub enabled: bool,
    /// Whether its work item runs under the callback lock of the device.
    pub serialized: bool,
    /// Whether it stays connected in low power.
    pub wake_capable: bool,
}

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Of each interrupt.
    pub scripts: Vec<Script>,
    /// Of each thread: operations, each on one interrupt.
    pub threads: Vec<Vec<(usize, Op)>>,
}

impl Program {
    /// Returns the program of `seed`.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let interrupts = 1 + random.below(scenario.interrupts);
        let scripts = (0..interrupts).map(|_| Script::new(scenario, random)).collect();
        let (least, most) = scenario.threads;
        let threads = least + random.below(most - least + 1);
        let threads = (0..threads)
            .map(|_| {
                let ops = 1 + random.below(scenario.ops);
                (0..ops).map(|_| (random.below(interrupts), draw(scenario, random))).collect()
            })
            .collect();
        Self { scripts, threads }
    }

    /// Returns how many parts the program has: operations, then acts of the scripts.
    pub fn parts(&self) -> usize {
        let acts: usize = self.scripts.iter().map(|script| script.acts().map(<[Act]>::len).iter().sum::<usize>()).sum();
        self.threads.iter().map(Vec::len).sum::<usize>() + acts
    }

    /// Returns the program without the parts of these numbers, to find a smaller one that fails too.
    pub fn without(mut self, parts: &[usize]) -> Self {
        let mut number = 0;
        let mut stays = || {
            number += 1;
            !parts.contains(&(number - 1))
        };
        self.threads.iter_mut().for_each(|ops| ops.retain(|_| stays()));
        for script in &mut self.scripts {
            for acts in script.acts_mut() {
                acts.iter_mut().filter(|_| !stays()).for_each(|act| *act = Act::Nothing);
                while acts.pop_if(|act| *act == Act::Nothing).is_some() {}
            }
        }
        self.threads.retain(|ops| !ops.is_empty());
        self
    }
}

impl Script {
    fn new(scenario: &Scenario, random: &mut Random) -> Self {
        // Half of the callbacks do nothing, so that the programs get anywhere.
        let acts = |random: &mut Random, runs: usize, allowed: &[Act]| -> Vec<Act> {
            let act = |random: &mut Random| {
                Some(random.choose(scenario.acts)).filter(|act| allowed.contains(act)).unwrap_or(Act::Nothing)
            };
            (0..runs).map(|_| if random.below(2) == 0 { Act::Nothing } else { act(random) }).collect()
        };
        let inside = [Act::Queue, Act::Submit, Act::Assert, Act::Refused, Act::Drop, Act::Fail];
        let isr = [&inside[..], &[Act::Unclaimed, Act::KeepMasked, Act::Gone]].concat();
        // (A delivery would wait, so an ISR does nothing to others.)
        let others = [Act::EnableNext, Act::DisableNext, Act::DropNext];
        let transition = [&inside[..], &others].concat();
        let work = [&transition[..], &[Act::Again]].concat();
        Self {
            isr: acts(random, 6, &isr),
            work: acts(random, 4, &work),
            enable: acts(random, 3, &transition),
            disable: acts(random, 3, &transition),
            takes: acts(random, 8, &[Act::Fail]),
            enabled: random.below(4) != 0,
            serialized: scenario.device && random.below(2) == 0,
            wake_capable: scenario.device && random.below(3) == 0,
        }
    }

    fn acts(&self) -> [&[Act]; 5] {
        [&self.isr, &self.work, &self.enable, &self.disable, &self.takes]
    }

    fn acts_mut(&mut self) -> [&mut Vec<Act>; 5] {
        [&mut self.isr, &mut self.work, &mut self.enable, &mut self.disable, &mut self.takes]
    }
}

fn draw(scenario: &Scenario, random: &mut Random) -> Op {
    let act = random.choose(scenario.acts);
    match random.choose(scenario.draw) {
        Op::Hold(_) => Op::Hold(act),
        Op::Try(_) => Op::Try(act),
        Op::Submit(_) => Op::Submit(act),
        Op::Synchronize(_) => Op::Synchronize(act),
        op => op,
    }
}
