//! The members of a line in the order of their connection, and what each is still to be told and to answer.
//!
//! Each signal of the source begins a round, in which every member is owed an ISR run. The round is undecided until one
//! of them claims, or until all have answered. A member that is late for a round is owed more when it comes: one ISR run
//! serves all the rounds that it has missed.

use std::boxed::Box;
use std::format;
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
use crate::sync;

/// The line's source, its members and its round.
pub(super) struct Chain {
    pub(super) source: Box<dyn Source>,
    /// The connected members, in the order of their connection.
    seats: Vec<Seat>,
    /// The number of the next seat.
    next_number: u64,
    /// How many rounds have begun.
    round: u64,
    /// No member has claimed in this round, and at least one has not answered it.
    undecided: bool,
    /// The source has signalled, and so has masked itself.
    masked: bool,
    /// Why the line can't be used until all members have left it.
    failed: Option<SourceError>,
    pub(super) stats: LineStats,
    storm: Storm,
}

/// A member's place.
struct Seat {
    number: u64,
    waker: Waker,
    call: Call,
    /// How many assertions the member has not been told of.
    owed: u64,
    /// The last round that the member was told of.
    taken: u64,
    /// The last round that the member has answered. Until it answers the one that it was told of, its ISR runs.
    answered: u64,
    /// How often the member has stepped back since it was last told of a round.
    steps_back: usize,
    /// The member keeps the line masked.
    keeps_masked: bool,
}

/// Whether a member is to be woken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Not: nothing is signalled.
    None,
    /// As soon as the lock is free.
    Due,
    /// It has been woken, and has not called `take` yet. It needs no second wake-up.
    Made,
}

impl Chain {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            seats: Vec::new(),
            next_number: 0,
            round: 0,
            undecided: false,
            masked: false,
            failed: None,
            stats: LineStats::default(),
            storm: Storm::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Adds a member, and connects the source with `line` for the first one. Returns the number of the new seat.
    pub(super) fn join(&mut self, waker: &Waker, line: impl FnOnce() -> Waker) -> Result<u64, SourceError> {
        if !self.seats.is_empty() {
            // What has been signalled may be for the new member.
            self.look();
        }
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let number = self.next_number;
        self.next_number += 1;
        // The seat comes first, so that a signal finds a member.
        self.seats.push(Seat::new(number, waker.clone(), self.round, self.undecided));
        if self.seats.len() == 1 {
            let waker = line();
            self.ask(|source| source.connect(&waker)).inspect_err(|_| self.seats.clear())?;
        }
        Ok(number)
    }

    /// Removes a member. Returns how many assertions it was still to be told of, and whether the source could be
    /// disconnected as the last member left.
    pub(super) fn leave(&mut self, number: u64) -> (u64, Result<(), SourceError>) {
        // What has been signalled by now is for this member too.
        self.look();
        let Some(position) = self.position(number) else { return (0, Ok(())) };
        let left = self.seats.remove(position).owed;
        if !self.seats.is_empty() {
            self.go_on();
            return (left, Ok(()));
        }
        (self.undecided, self.masked) = (false, false);
        let failed = self.failed.take();
        let disconnected = self.ask(|source| source.disconnect());
        match (failed, self.ask(|source| source.take())) {
            (None, Ok(signalled)) => (left.saturating_add(signalled), disconnected),
            (None, Err(error)) => (left, disconnected.and(Err(error))),
            (Some(_), _) => (left, disconnected),
        }
    }

    /// Tells a member how many assertions it is owed. Returns 0 if there are none, or if the member steps back.
    pub(super) fn take(&mut self, number: u64) -> Result<u64, SourceError> {
        let Some(position) = self.position(number) else { return Ok(0) };
        // A wake-up that is still to be made may tell of a removal, which the caller need not look for. What this look
        // finds, the caller is told.
        let call = if self.seats[position].call == Call::Due { Call::Due } else { Call::None };
        self.look();
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (earlier, rest) = self.seats.split_at_mut(position);
        let seat = &mut rest[0];
        if seat.owed != 0 && seat.may_step_back(earlier.len()) && earlier.iter().any(|seat| seat.comes_to(self.round)) {
            seat.steps_back += 1;
            seat.call = Call::Due;
            return Ok(0);
        }
        (seat.call, seat.taken, seat.steps_back) = (call, self.round, 0);
        Ok(mem::take(&mut seat.owed))
    }

    /// A member has answered `claim` to what it was told.
    pub(super) fn answered(&mut self, number: u64, claim: Claim) {
        let Some(position) = self.position(number) else { return };
        let seat = &mut self.seats[position];
        seat.answered = seat.taken;
        seat.keeps_masked |= claim == Claim::ClaimedKeepMasked;
        // A late claim counts, too: a device has been dealt with, so the line may be silent now.
        if claim != Claim::Unclaimed && mem::take(&mut self.undecided) {
            self.stats.claimed += 1;
        }
        self.go_on();
    }

    /// A member unmasks: as the answer of an ISR that has claimed, after another answer, or because it has kept the line
    /// masked until now.
    pub(super) fn unmasked_by(&mut self, number: u64) {
        let Some(position) = self.position(number) else { return };
        let seat = &mut self.seats[position];
        if seat.taken != seat.answered {
            // A late member may claim again while it keeps the line masked. It goes on keeping the line masked.
            self.answered(number, Claim::Claimed);
        } else if mem::take(&mut seat.keeps_masked) {
            self.go_on();
        }
    }

    /// Has all members woken once the lock is free.
    pub(super) fn call_all(&mut self) {
        for seat in self.seats.iter_mut().filter(|seat| seat.call == Call::None) {
            seat.call = Call::Due;
        }
    }

    /// Returns the waker of the first member that is to be woken, which counts as woken from now on.
    pub(super) fn next_call(&mut self) -> Option<Waker> {
        let seat = self.seats.iter_mut().find(|seat| seat.call == Call::Due)?;
        seat.call = Call::Made;
        Some(seat.waker.clone())
    }

    /// Begins a round if the source has signalled.
    ///
    /// The line is looked at while it is masked, too: the source may have failed.
    fn look(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match self.ask(|source| source.take()) {
            Ok(0) => {}
            Ok(assertions) => {
                self.round += 1;
                (self.undecided, self.masked) = (true, true);
                for seat in &mut self.seats {
                    seat.owed = seat.owed.saturating_add(assertions);
                }
                self.call_all();
            }
            Err(error) => self.fail(error),
        }
    }

    /// Ends the round if all members have answered, and unmasks the line unless the round is undecided or a member
    /// keeps the line masked.
    fn go_on(&mut self) {
        if self.undecided && self.seats.iter().all(|seat| seat.answered == self.round) {
            self.undecided = false;
            self.stats.spurious += 1;
            if let Some(Fault::Storm { unclaimed, of }) = self.storm.unclaimed(self.stats.claimed, Instant::now()) {
                self.fail(SourceError::Storm { unclaimed, of });
            }
        }
        let stays = self.undecided || self.failed.is_some() || self.seats.iter().any(|seat| seat.keeps_masked);
        if self.masked && !stays {
            self.masked = false;
            if let Err(error) = self.ask(|source| source.unmask()) {
                self.fail(error);
            }
        }
    }

    /// Asks the source. Its panic is an error for all members: each is told so.
    pub(super) fn ask<R>(
        &mut self,
        ask: impl FnOnce(&mut dyn Source) -> Result<R, SourceError>,
    ) -> Result<R, SourceError> {
        sync::catch(|| ask(&mut *self.source)).unwrap_or_else(|message| {
            Err(SourceError::Refused(format!("the source of its line panicked: {message}").into()))
        })
    }

    /// All members have to leave. Each is told why as it comes.
    fn fail(&mut self, error: SourceError) {
        self.failed = Some(error);
        self.call_all();
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.seats.iter().position(|seat| seat.number == number)
    }
}

impl Seat {
    /// A seat for a member that joins in `round`. It takes part in the round if that is undecided: its device may be the
    /// one that asserts.
    fn new(number: u64, waker: Waker, round: u64, undecided: bool) -> Self {
        let told = round - u64::from(undecided);
        Self {
            number,
            waker,
            call: if undecided { Call::Due } else { Call::None },
            owed: u64::from(undecided),
            taken: told,
            answered: told,
            steps_back: 0,
            keeps_masked: false,
        }
    }

    /// Whether the member has not come in this round yet, but has answered all the earlier ones.
    fn comes_to(&self, round: u64) -> bool {
        self.taken < round && self.answered + 1 == round
    }

    /// Whether the member may let its `earlier` ones go first. Each time, at least one of those on its dispatcher is served.
    ///
    /// Only a dispatcher's thread steps back. Nothing would make a driver's own loop come again, and a disable is told now
    /// or never.
    fn may_step_back(&self, earlier: usize) -> bool {
        self.steps_back < earlier && sync::is_watcher()
    }
}
