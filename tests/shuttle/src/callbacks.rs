//! The callbacks of an interrupt: each tells the judge, and does what the script says.

use std::panic::panic_any;
use std::sync::Arc;

use interrupt_lock::{Claim, IsrContext, PlannedPanic, WithWorkItem, Work, WorkItemContext};

use crate::judge::Judge;
use crate::machine::{Data, Later, Machine, Token, machine};
use crate::program::Act;
use crate::source::Turns;

/// What a callback owns.
pub struct Part {
    later: Later,
    judge: Arc<Judge>,
    index: usize,
    turns: Turns,
    _freed: Token,
}

impl Part {
    /// Makes what a callback owns that does `acts`, run after run.
    pub fn new(later: &Later, judge: &Arc<Judge>, index: usize, acts: &[Act], freed: Token) -> Self {
        Self { later: later.clone(), judge: judge.clone(), index, turns: Turns::new(acts), _freed: freed }
    }

    fn machine(&self) -> Arc<Machine> {
        machine(&self.later)
    }
}

/// The ISR.
pub fn isr(part: Part) -> impl FnMut(&mut IsrContext<'_, Data, WithWorkItem>) -> Claim + Send {
    move |context| {
        let (machine, act) = (part.machine(), part.turns.next());
        part.judge.isr_begins(context.assertions());
        let served = machine.devices.as_ref().is_none_or(|devices| devices.serve(part.index));
        context.section(|| machine.act(part.index, act));
        if act == Act::Fail {
            part.judge.isr_ends(None);
            part.judge.fault_comes();
            panic_any(PlannedPanic);
        }
        let claim = match act {
            Act::Unclaimed => Claim::Unclaimed,
            Act::Gone => Claim::DeviceGone,
            _ if !served => Claim::Unclaimed,
            Act::KeepMasked => Claim::ClaimedKeepMasked,
            _ => Claim::Claimed,
        };
        part.judge.isr_ends(Some(claim));
        claim
    }
}

/// The work item.
pub fn work(part: Part, serialized: bool) -> impl FnMut(&WorkItemContext<'_, Data>) -> Work + Send {
    move |context| {
        let (machine, act) = (part.machine(), part.turns.next());
        part.judge.work_begins(context.merged());
        let body = || {
            // (In a circle of waits this panics.)
            if !machine.circles {
                context.synchronize(|data| data.section(|| ()));
            }
            machine.act(part.index, act);
        };
        if serialized {
            machine.with_callback_lock(body)
        } else {
            body()
        };
        part.judge.work_ends(act == Act::Again);
        match act {
            Act::Fail => {
                part.judge.work_fault_comes();
                panic_any(PlannedPanic);
            }
            Act::Again => Work::Again,
            _ => Work::Done,
        }
    }
}

/// The enable callback.
pub fn enable(part: Part) -> impl FnMut(&mut Data) -> Result<(), &'static str> + Send {
    move |data| {
        let (machine, act) = (part.machine(), part.turns.next());
        part.judge.enable_callback();
        data.section(|| machine.act(part.index, act));
        if act == Act::Fail {
            return Err("no clock");
        }
        part.judge.enable_succeeds();
        Ok(())
    }
}

/// The disable callback.
pub fn disable(part: Part) -> impl FnMut(&mut Data) -> Result<(), &'static str> + Send {
    move |data| {
        let (machine, act) = (part.machine(), part.turns.next());
        part.judge.down_callback(true);
        data.section(|| machine.act(part.index, act));
        if act == Act::Fail { Err("no answer") } else { Ok(()) }
    }
}

/// The removal callback.
pub fn removal(part: Part) -> impl FnMut(&mut Data) + Send {
    move |data| {
        part.judge.down_callback(false);
        data.section(|| ());
    }
}
