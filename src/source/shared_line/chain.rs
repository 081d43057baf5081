//! The members of a line in the order of their connection, and the round on its way through them.

use std::boxed::Box;
use std::mem;
use std::task::Waker;
use std::time::Instant;
use std::vec::Vec;

use crate::cause::SourceError;
use crate::claim::Claim;
use crate::fault::Fault;
use crate::observe::storm::Storm;
use crate::source::Source;
use crate::source::shared_line::stats::LineStats;

/// The line's source, its members and its round.
pub(super) struct Chain {
    pub(super) source: Box<dyn Source>,
    /// The connected members, in the order of their connection.
    seats: Vec<Seat>,
    /// The number of the next seat.
    next_number: u64,
    round: Option<Round>,
    /// The source has signalled, and so has masked itself.
    masked: bool,
    /// Why the line can't be used until all members have left it.
    failed: Option<SourceError>,
    /// The member to wake once the lock is free.
    pub(super) due: Option<Waker>,
    pub(super) stats: LineStats,
    storm: Storm,
}

/// A member's place.
struct Seat {
    number: u64,
    waker: Waker,
    /// The member keeps the line masked.
    keeps_masked: bool,
}

/// One signal, on its way through the members.
struct Round {
    /// The place of the member whose turn it is.
    turn: usize,
    /// That member's ISR has been given the signal.
    taken: bool,
    assertions: u64,
    claimed: bool,
}

impl Chain {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            seats: Vec::new(),
            next_number: 0,
            round: None,
            masked: false,
            failed: None,
            due: None,
            stats: LineStats::default(),
            storm: Storm::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Returns the first member's waker.
    pub(super) fn first(&self) -> Option<Waker> {
        self.seats.first().map(|seat| seat.waker.clone())
    }

    /// Adds a member, and connects the source with `line` for the first one. Returns the number of the new seat.
    pub(super) fn join(&mut self, waker: &Waker, line: impl FnOnce() -> Waker) -> Result<u64, SourceError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let number = self.next_number;
        self.next_number += 1;
        // The seat comes first, so that a signal finds a member.
        self.seats.push(Seat { number, waker: waker.clone(), keeps_masked: false });
        if self.seats.len() == 1
            && let Err(error) = self.source.connect(&line())
        {
            self.seats.clear();
            return Err(error);
        }
        Ok(number)
    }

    /// Removes a member. Returns how many assertions it was still to be told of, and whether the source could be
    /// disconnected as the last member left.
    pub(super) fn leave(&mut self, number: u64) -> (u64, Result<(), SourceError>) {
        // What has been signalled by now is for this member too.
        self.look();
        let Some(position) = self.position(number) else { return (0, Ok(())) };
        let left = match &self.round {
            Some(round) if position > round.turn || (position == round.turn && !round.taken) => round.assertions,
            _ => 0,
        };
        self.seats.remove(position);
        if self.seats.is_empty() {
            (self.round, self.masked, self.due) = (None, false, None);
            let failed = self.failed.take();
            let disconnected = self.source.disconnect();
            return match (failed, self.source.take()) {
                (None, Ok(signalled)) => (left + signalled, disconnected),
                (None, Err(error)) => (left, disconnected.and(Err(error))),
                (Some(_), _) => (left, disconnected),
            };
        }
        match &mut self.round {
            Some(round) if position < round.turn => round.turn -= 1,
            Some(round) if position == round.turn => {
                round.taken = false;
                self.go_on();
            }
            Some(_) => {}
            // The member may have been called without coming. Another has to come instead.
            None => self.call(0),
        }
        self.unmask();
        (left, Ok(()))
    }

    /// Gives the round to a member if it is its turn. Returns how many assertions it is about, or 0.
    pub(super) fn take(&mut self, number: u64) -> Result<u64, SourceError> {
        self.look();
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(round) = self.turn_of(number).filter(|round| !round.taken) else { return Ok(0) };
        round.taken = true;
        Ok(round.assertions)
    }

    /// A member's ISR has returned `claim`. The next member's turn comes.
    pub(super) fn answered(&mut self, number: u64, claim: Claim) {
        if claim == Claim::ClaimedKeepMasked
            && let Some(position) = self.position(number)
        {
            self.seats[position].keeps_masked = true;
        }
        let Some(round) = self.turn_of(number).filter(|round| round.taken) else { return };
        round.claimed |= claim != Claim::Unclaimed;
        round.taken = false;
        round.turn += 1;
        self.go_on();
    }

    /// A member unmasks: it has claimed, or it has kept the line masked until now.
    pub(super) fn unmasked_by(&mut self, number: u64) {
        if let Some(position) = self.position(number)
            && mem::take(&mut self.seats[position].keeps_masked)
        {
            self.unmask();
        } else {
            self.answered(number, Claim::Claimed);
        }
    }

    /// Begins a round if the source has signalled and no round is going on. The first member need not be called,
    /// because the source wakes it.
    fn look(&mut self) {
        if self.round.is_some() || self.failed.is_some() {
            return;
        }
        match self.source.take() {
            Ok(0) => {}
            Ok(assertions) => {
                self.masked = true;
                self.round = Some(Round { turn: 0, taken: false, assertions, claimed: false });
            }
            Err(error) => self.fail(error),
        }
    }

    /// Returns the round if it is that member's turn.
    fn turn_of(&mut self, number: u64) -> Option<&mut Round> {
        let round = self.round.as_mut()?;
        (self.seats.get(round.turn)?.number == number).then_some(round)
    }

    /// Calls the member whose turn it is, or ends the round after the last.
    fn go_on(&mut self) {
        let Some(round) = &self.round else { return };
        if round.turn < self.seats.len() {
            return self.call(round.turn);
        }
        let claimed = round.claimed;
        self.round = None;
        if claimed {
            self.stats.claimed += 1;
        } else {
            self.stats.spurious += 1;
            if let Some(Fault::Storm { unclaimed, of }) = self.storm.unclaimed(self.stats.claimed, Instant::now()) {
                self.fail(SourceError::Storm { unclaimed, of });
            }
        }
        self.unmask();
    }

    /// Unmasks the line, unless a member is still to answer or keeps it masked.
    fn unmask(&mut self) {
        let busy = self.round.is_some() || self.failed.is_some() || self.seats.iter().any(|seat| seat.keeps_masked);
        if self.masked && !busy {
            self.masked = false;
            if let Err(error) = self.source.unmask() {
                self.fail(error);
            }
        }
    }

    /// All members have to leave. The first is called, and as it leaves it calls the next.
    fn fail(&mut self, error: SourceError) {
        self.failed = Some(error);
        self.call(0);
    }

    fn call(&mut self, position: usize) {
        self.due = self.seats.get(position).map(|seat| seat.waker.clone());
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.seats.iter().position(|seat| seat.number == number)
    }
}
