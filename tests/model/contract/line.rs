//! The shared line (rule I7): a signal begins a round, which is offered to the members in order of their connection.

use crate::contract::World;
use crate::contract::source::{Software, Trouble};
use crate::operations::{SourceKind, Which};

pub(super) struct Line {
    pub(super) software: Software,
    members: Vec<Member>,
    round: Option<Round>,
    masked: bool,
    failed: Option<Trouble>,
}

struct Member {
    which: Which,
    keeps_masked: bool,
}

/// A signal on its way through the members.
struct Round {
    /// Whose turn it is.
    turn: usize,
    /// That member has taken it, and has not answered.
    taken: bool,
    assertions: u64,
}

impl Default for Line {
    fn default() -> Self {
        Self { software: Software::new(true), members: Vec::new(), round: None, masked: false, failed: None }
    }
}

impl Line {
    fn place(&self, which: Which) -> Option<usize> {
        self.members.iter().position(|member| member.which == which)
    }

    /// Begins a round, if none is under way and the line has signalled.
    fn look(&mut self) {
        if self.round.is_some() || self.failed.is_some() {
            return;
        }
        match self.software.take() {
            Ok(0) => {}
            Ok(assertions) => {
                self.masked = true;
                self.round = Some(Round { turn: 0, taken: false, assertions });
            }
            Err(trouble) => self.failed = Some(trouble),
        }
    }

    /// Ends the round behind its last member.
    fn go_on(&mut self) {
        if self.round.as_ref().is_some_and(|round| round.turn >= self.members.len()) {
            self.round = None;
            self.unmask();
        }
    }

    fn unmask(&mut self) {
        let kept = self.members.iter().any(|member| member.keeps_masked);
        if self.masked && self.round.is_none() && self.failed.is_none() && !kept {
            self.masked = false;
            self.failed = self.software.unmask().err();
        }
    }

    fn answered(&mut self, which: Which) {
        let place = self.place(which);
        if let Some(round) = self.round.as_mut().filter(|round| Some(round.turn) == place && round.taken) {
            round.taken = false;
            round.turn += 1;
            self.go_on();
        }
    }

    fn leave(&mut self, which: Which) -> (u64, Result<(), Trouble>) {
        self.look();
        let Some(place) = self.place(which) else { return (0, Ok(())) };
        let left = match &self.round {
            Some(round) if place > round.turn || (place == round.turn && !round.taken) => round.assertions,
            _ => 0,
        };
        self.members.remove(place);
        if self.members.is_empty() {
            (self.round, self.masked) = (None, false);
            let failed = self.failed.take();
            let disconnected = self.software.disconnect();
            return match (failed, self.software.take()) {
                (None, Ok(signalled)) => (left + signalled, disconnected),
                (None, Err(trouble)) => (left, disconnected.and(Err(trouble))),
                (Some(_), _) => (left, disconnected),
            };
        }
        if let Some(round) = &mut self.round {
            if place < round.turn {
                round.turn -= 1;
            } else if place == round.turn {
                round.taken = false;
                self.go_on();
            }
        }
        self.unmask();
        (left, Ok(()))
    }
}

impl World {
    pub(super) fn join_line(&mut self, which: Which) -> Result<(), Trouble> {
        if let Some(trouble) = self.line.failed {
            return Err(trouble);
        }
        if self.line.members.is_empty() {
            self.line.software.connect()?;
        }
        self.line.members.push(Member { which, keeps_masked: false });
        Ok(())
    }

    pub(super) fn leave_line(&mut self, which: Which) -> Result<(), Trouble> {
        if self.interrupts[which].kind.source != SourceKind::Line || self.line.place(which).is_none() {
            return Ok(());
        }
        let (left, disconnected) = self.line.leave(which);
        self.interrupts[which].source.left_line = Some(left);
        disconnected
    }

    pub(super) fn take_from_line(&mut self, which: Which) -> Result<u64, Trouble> {
        if let Some(left) = self.interrupts[which].source.left_line.take() {
            return Ok(left);
        }
        let line = &mut self.line;
        let Some(place) = line.place(which) else {
            // It would count for another member, if one is connected.
            return if line.members.is_empty() { line.software.take() } else { Ok(0) };
        };
        line.look();
        if let Some(trouble) = line.failed {
            return Err(trouble);
        }
        match &mut line.round {
            Some(round) if round.turn == place && !round.taken => {
                round.taken = true;
                Ok(round.assertions)
            }
            _ => Ok(0),
        }
    }

    /// A member has answered by opening the line: after its ISR, or later where it had kept the line masked.
    pub(super) fn unmasked_by(&mut self, which: Which) {
        if let Some(place) = self.line.place(which)
            && std::mem::take(&mut self.line.members[place].keeps_masked)
        {
            self.line.unmask();
        } else {
            self.line.answered(which);
        }
    }

    /// A member's ISR has claimed, or not.
    pub(super) fn claims(&mut self, which: Which, _claimed: bool, keeps_masked: bool) {
        if self.interrupts[which].kind.source != SourceKind::Line {
            return;
        }
        if let Some(place) = self.line.place(which) {
            self.line.members[place].keeps_masked |= keeps_masked;
            self.line.answered(which);
        }
    }
}
