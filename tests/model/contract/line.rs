//! The shared line (rule I7): each signal begins a round, in which every member is owed an ISR run. The line opens once one
//! has claimed, or all have answered.

use crate::contract::World;
use crate::contract::source::{Software, Trouble};
use crate::operations::{SourceKind, Which};

pub(super) struct Line {
    pub(super) software: Software,
    /// In order of connection.
    members: Vec<Member>,
    /// How many signals there have been.
    round: u64,
    /// Nobody has claimed it, and some have not answered.
    undecided: bool,
    masked: bool,
    failed: Option<Trouble>,
    /// How many somebody has claimed, and how many nobody has.
    pub(super) rounds: (u64, u64),
}

struct Member {
    which: Which,
    /// Assertions that it has not been told of.
    owed: u64,
    /// The last round that it has been told of, and the last that it has answered.
    taken: u64,
    answered: u64,
    keeps_masked: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            software: Software::new(true),
            members: Vec::new(),
            round: 0,
            undecided: false,
            masked: false,
            failed: None,
            rounds: (0, 0),
        }
    }
}

impl Line {
    fn member(&mut self, which: Which) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.which == which)
    }

    /// Begins a round if the line has signalled.
    fn look(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match self.software.take() {
            Ok(0) => {}
            Ok(assertions) => {
                self.round += 1;
                (self.undecided, self.masked) = (true, true);
                self.members.iter_mut().for_each(|member| member.owed += assertions);
            }
            Err(trouble) => self.failed = Some(trouble),
        }
    }

    /// Opens the line, if nobody has it kept masked and nobody is still asked.
    fn go_on(&mut self) {
        if self.undecided && self.members.iter().all(|member| member.answered == self.round) {
            self.undecided = false;
            self.rounds.1 += 1;
        }
        let kept = self.members.iter().any(|member| member.keeps_masked);
        if self.masked && !self.undecided && !kept && self.failed.is_none() {
            self.masked = false;
            self.failed = self.software.unmask().err();
        }
    }

    fn answered(&mut self, which: Which, claimed: bool, keeps_masked: bool) {
        let Some(member) = self.member(which) else { return };
        member.answered = member.taken;
        member.keeps_masked |= keeps_masked;
        if claimed && std::mem::take(&mut self.undecided) {
            self.rounds.0 += 1;
        }
        self.go_on();
    }

    /// What the member has not been told of is its last.
    fn leave(&mut self, which: Which) -> (u64, Result<(), Trouble>) {
        self.look();
        let Some(place) = self.members.iter().position(|member| member.which == which) else { return (0, Ok(())) };
        let left = self.members.remove(place).owed;
        if !self.members.is_empty() {
            self.go_on();
            return (left, Ok(()));
        }
        (self.undecided, self.masked) = (false, false);
        let failed = self.failed.take();
        let disconnected = self.software.disconnect();
        match (failed, self.software.take()) {
            (None, Ok(signalled)) => (left + signalled, disconnected),
            (None, Err(trouble)) => (left, disconnected.and(Err(trouble))),
            (Some(_), _) => (left, disconnected),
        }
    }
}

impl World {
    pub(super) fn join_line(&mut self, which: Which) -> Result<(), Trouble> {
        let line = &mut self.line;
        if !line.members.is_empty() {
            // What has been signalled may be for the new member.
            line.look();
        }
        if let Some(trouble) = line.failed {
            return Err(trouble);
        }
        if line.members.is_empty() {
            line.software.connect()?;
        }
        let owed = u64::from(line.undecided);
        let told = line.round - owed;
        line.members.push(Member { which, owed, taken: told, answered: told, keeps_masked: false });
        Ok(())
    }

    pub(super) fn leave_line(&mut self, which: Which) -> Result<(), Trouble> {
        if self.interrupts[which].kind.source != SourceKind::Line || self.line.member(which).is_none() {
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
        if line.member(which).is_none() {
            // It would count for another member, if one is connected.
            return if line.members.is_empty() { line.software.take() } else { Ok(0) };
        }
        line.look();
        if let Some(trouble) = line.failed {
            return Err(trouble);
        }
        let round = line.round;
        let Some(member) = line.member(which) else { return Ok(0) };
        member.taken = round;
        Ok(std::mem::take(&mut member.owed))
    }

    /// A member has answered by opening the line: after its ISR, or later where it had kept the line masked.
    pub(super) fn unmasked_by(&mut self, which: Which) {
        let Some(member) = self.line.member(which) else { return };
        if member.taken != member.answered {
            self.line.answered(which, true, false);
        } else if std::mem::take(&mut member.keeps_masked) {
            self.line.go_on();
        }
    }

    /// A member's ISR has claimed, or not.
    pub(super) fn claims(&mut self, which: Which, claimed: bool, keeps_masked: bool) {
        if self.interrupts[which].kind.source == SourceKind::Line {
            self.line.answered(which, claimed, keeps_masked);
        }
    }
}
